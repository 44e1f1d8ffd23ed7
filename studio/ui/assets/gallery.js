// The gallery: times in the person's own zone, and a focus that follows what is opened and closed.
const tile = (id) => element.querySelector(`.gallery-tile[data-id="${id}"]`);
let opened = null;
watch("value", () => {
  for (const time of element.querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, {
      dateStyle: "medium",
      timeStyle: "short",
    });
  }
  const work = element.querySelector(".gallery-work");
  if (work && !opened) {
    element.scrollIntoView({ block: "nearest" });
    work.focus({ preventScroll: true });
  } else if (!work && opened) tile(opened)?.focus();
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
