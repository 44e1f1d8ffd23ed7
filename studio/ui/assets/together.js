// A room: its link, a work shown large, and a focus that outlives what is drawn anew.
let pressed = null;
let opened = null; // the work that is shown large
const name = (node) => ["do", "id", "sign"].map((key) => node.dataset[key] ?? "").join("/");
const settle = () => {
  const here = element.querySelector(".together-room");
  const link = element.querySelector("[data-link]");
  if (link) link.value = `${location.origin}${location.pathname}?room=${here.dataset.room}`;
  const large = element.querySelector("dialog[data-large]");
  if (large) large.showModal();
  else if (opened) element.querySelector(`[data-work="${opened}"] .together-face`)?.focus();
  opened = large?.dataset.large ?? null;
  if (pressed && (document.activeElement === document.body || large))
    [...element.querySelectorAll("button[data-do]")]
      .find((button) => name(button) === pressed)
      ?.focus({ preventScroll: true });
  pressed = null;
};
watch("value", settle);
settle();
element.addEventListener("click", async (event) => {
  const act = event.target.closest("button[data-do]");
  if (act) pressed = name(act);
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const link = element.querySelector("[data-link]");
    link.select();
    // Only pages from a safe address may use the clipboard itself.
    if (navigator.clipboard) await navigator.clipboard.writeText(link.value).catch(() => {});
    else document.execCommand("copy");
    copy.textContent = copy.dataset.copied;
  }
});
// Escape puts the work back, which Python has to know.
element.addEventListener(
  "cancel",
  (event) => {
    event.preventDefault();
    element.querySelector("dialog[data-large] [data-do=look_away]")?.click();
  },
  true,
);
