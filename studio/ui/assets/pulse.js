// Keeps a room live: a quick pulse while the Together tab shows, a slow one in the other tabs so
// that the others see who is there, none in a hidden page or in no room.
const QUICK = 800;
const DUET = 300; // while one plays with somebody
const TASTE = 2500; // what the room learns changes slowly, and takes longer to look up
const MAP = 500; // while the others see where one is
const SLOW = 5000;
const PATIENCE = 10000;
const address = new URL(location.href);
let invited = address.searchParams.get("room");
let inRoom = true;
let asked = 0;
let people = "";
// Not by its button: on a narrow page that may be in the menu of further tabs.
const shownTab = () =>
  [...document.querySelectorAll("#studio-tabs [role=tabpanel]")]
    .find((panel) => panel.offsetParent)
    ?.id.replace("tab-", "");
const room = () => document.querySelector("#tab-together .together-room");
// What a part was drawn from, where the part itself says so.
const stamp = (part) =>
  room()?.querySelector(`[data-part="${part}"] > [data-stamp]`)?.dataset.stamp ?? "";
let last = 0;
let tasted = 0;
let before = ""; // the tab that the room heard of last
const pause = () => {
  const tab = shownTab() ?? "";
  // Whoever goes is gone for the others at once.
  if (tab !== before) return 0;
  if (tab === "map") return MAP;
  return tab !== "together" ? SLOW : room()?.querySelector(".duet-slider") ? DUET : QUICK;
};
const beat = () => {
  const now = Date.now();
  const tab = document.hidden ? "" : (shownTab() ?? "");
  const isThere = tab === "together";
  if (room()) inRoom = true;
  // A page that goes out of sight says so once.
  if (document.hidden && !before) return;
  if (!(inRoom || invited) || !document.querySelector(".studio-header")) return;
  if (asked && now - asked < PATIENCE) return;
  if (!invited && tab && now - last < pause()) return;
  asked = last = now;
  before = tab;
  const wantsTaste = now - tasted > TASTE;
  if (wantsTaste) tasted = now;
  const onMap = tab === "map" ? window.studio.onMap?.() : null;
  trigger("beat", {
    tab,
    invited,
    revision: Number(room()?.dataset.revision ?? 0),
    people: isThere && room() ? people : "",
    duet: stamp("duet"),
    taste: wantsTaste ? stamp("taste") : null,
    mix: Number(room()?.querySelector(".duet-play")?.dataset.revision ?? 0),
    of: onMap?.of ?? "",
    at: onMap?.at ?? null,
    places: onMap && wantsTaste ? onMap.places : null,
  });
};
document.addEventListener("visibilitychange", () => document.hidden && beat());
const timer = setInterval(() => (element.isConnected ? beat() : clearInterval(timer)), 100);

// The focus stays on the same button of the same work.
const nameOf = (node) =>
  node?.dataset && ["do", "id", "sign"].map((name) => node.dataset[name] ?? "").join("/");
const redraw = (part, html) => {
  const name = part.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  part.innerHTML = html;
  if (name)
    [...part.querySelectorAll("button")]
      .find((button) => nameOf(button) === name)
      ?.focus({ preventScroll: true });
};
watch("value", () => {
  const said = props.value;
  asked = 0;
  if (!said) return;
  if (said.early) {
    last = Date.now() - SLOW + 500;
    return;
  }
  inRoom = Boolean(said.room);
  if (said.map || !inRoom) window.studio.showRoom?.(said.map ?? null);
  if (said.open) {
    invited = null;
    address.searchParams.delete("room");
    history.replaceState(history.state, "", address);
    if (shownTab() !== "together") studio.go("tab-together-button");
    else studio.desks["tab-together"]?.ask({ do: "look" });
    return;
  }
  const here = room();
  if (!here) return;
  // Closed, left or changed in another window: drawn anew as a whole.
  if (here.dataset.room !== said.room || here.dataset.closed !== String(said.closed)) {
    if (shownTab() === "together" && studio.desks["tab-together"]?.isIdle())
      studio.desks["tab-together"].ask({ do: "look" });
    return;
  }
  if (said.mix) document.dispatchEvent(new CustomEvent("duet", { detail: said.mix }));
  if (!said.parts) return;
  const parts = Object.entries(said.parts).map(([name, html]) => [
    here.querySelector(`[data-part="${name}"]`),
    html,
  ]);
  // Nothing is taken from under a hand that holds or presses it; it comes with the next pulse.
  if (parts.some(([part]) => part.matches(":active"))) return;
  for (const [part, html] of parts) redraw(part, html);
  people = said.people;
  here.dataset.revision = said.revision;
});
