// The gallery: times in the person's own zone, and a focus that follows what is opened and closed.
const tile = (id) => element.querySelector(`.gallery-tile[data-id="${id}"]`);
let opened = null;
let pressed = "";
const sign = ({ dataset }) => [dataset.do, dataset.name ?? dataset.stars].join();
element.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-do]");
  if (button) pressed = sign(button);
});
watch("value", () => {
  for (const time of element.querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, {
      dateStyle: "medium",
      timeStyle: "short",
    });
  }
  const work = element.querySelector(".gallery-work, .triptych");
  if (work && !opened) {
    element.scrollIntoView({ block: "nearest" });
    work.focus({ preventScroll: true });
  } else if (!work && opened) tile(opened)?.focus();
  else if (work && document.activeElement === document.body) {
    // What had the focus was drawn anew: so is what it was on.
    const buttons = [...work.querySelectorAll("button[data-do]:enabled")];
    (buttons.find((button) => sign(button) === pressed) ?? work).focus({ preventScroll: true });
  }
  opened = work?.dataset.work ?? null;
  element.querySelector("[data-farewell]")?.focus();
});
const onEscape = (event) => {
  if (!element.isConnected) return document.removeEventListener("keydown", onEscape);
  if (event.key !== "Escape" || !element.offsetParent || document.querySelector("dialog[open]"))
    return;
  element.querySelector('[data-do="close"]')?.click();
};
document.addEventListener("keydown", onEscape);
