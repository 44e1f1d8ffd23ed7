// Two versions side by side. Sliders answer at once from what was seen before; what was not is
// asked for, and only the newest place counts.
const root = element.querySelector("[data-desk]");
const tab = element.closest("[role=tabpanel]");
const seen = new Map(); // works by place, for the two versions that show
const desk = () => studio.desks.compare;
const ranges = () => [...root.querySelectorAll("[data-slider]")];
const place = () => ranges().map((range) => Number(range.value).toFixed(1)).join(" ");

studio.desk("compare", (gestures) => trigger("act", { gestures }));

function show(works) {
  root.querySelectorAll(".live").forEach((cell, index) => (cell.innerHTML = works[index]));
}

function say(range) {
  const percent = Math.round(100 * range.value);
  const { start, end, said } = range.dataset;
  const text = (percent === 0 && start) || (percent === 100 && end) || said.replace("{percent}", percent);
  range.setAttribute("aria-valuetext", text);
  range.parentElement.querySelector("output").textContent = text;
}

// At the ends of a way there is nothing new to keep, nor where nothing is taken from either.
function offer() {
  const values = ranges().map((range) => Number(range.value));
  const isNew = values.length > 1 ? values.some(Boolean) : values[0] > 0 && values[0] < 1;
  const isAlone = values.length > 1 && values.includes(0) && values.includes(1);
  root.querySelectorAll(".new").forEach((part) => (part.hidden = !isNew || isAlone));
  root.querySelectorAll(".old").forEach((part) => (part.hidden = isNew && !isAlone));
}

function move(range, live) {
  say(range);
  offer();
  // All of them: of several places that wait to be asked for, only the newest is.
  const values = Object.fromEntries(ranges().map((each) => [each.dataset.slider, each.value]));
  const gesture = { do: "move", values, place: place() };
  if ("uncovered" in values) {
    root.querySelector(".noises").style.setProperty("--at", range.value);
    if (!live) desk().ask({ ...gesture, seen: true });
  } else if (seen.has(place())) {
    show(seen.get(place()));
    if (!live) desk().ask({ ...gesture, seen: true });
  } else if (live) desk().ask({ ...gesture, live: true });
}

root.addEventListener("input", ({ target }) => target.dataset.slider && move(target, true));
root.addEventListener("change", ({ target }) => target.dataset.slider && move(target, false));
root.addEventListener("click", ({ target }) => {
  const chip = target.closest("[data-show]");
  if (!chip) return;
  root.querySelector(".noises").dataset.shows = chip.dataset.show;
  for (const other of root.querySelectorAll("[data-show]"))
    other.setAttribute("aria-pressed", other === chip);
});

function draw(html) {
  const focused = root.contains(document.activeElement) && document.activeElement.id;
  seen.clear();
  root.innerHTML = html;
  const works = [...root.querySelectorAll(".live")].map((cell) => cell.innerHTML);
  if (works.length) seen.set(place(), works);
  offer();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

watch("value", () => {
  const found = props.value;
  if (!found?.nonce) return;
  if (found.html !== undefined) draw(found.html);
  if (found.works) {
    seen.set(found.place, found.works);
    if (found.place === place()) show(found.works);
  }
  for (const [name, html] of Object.entries(found.parts ?? {})) {
    const part = root.querySelector(`[data-part=${name}]`);
    if (part && part.innerHTML !== html) part.innerHTML = html;
  }
  // The new version belongs in the list above.
  if (found.is_finished) studio.desks[tab.id].ask({ do: "look" });
  if (found.opened) {
    const title = root.querySelector("h2");
    title?.focus({ preventScroll: true });
    title?.scrollIntoView({ block: "start", behavior: "smooth" });
  }
  if (found.closed) tab.querySelector("[data-desk=compare][data-do=open]")?.focus();
  desk().done();
});

document.addEventListener("versions", () => {
  const [list, shown] = [tab.querySelector(".teach-versions"), root.querySelector(".compare")];
  if (list && shown && list.dataset.reach !== shown.dataset.reach) desk().ask({ do: "refresh" });
});
const poll = setInterval(() => {
  if (!element.isConnected) clearInterval(poll);
  else if (root.querySelector("[data-poll]") && desk().isIdle()) desk().ask({ do: "look" });
}, 700);
