// A room: its link, the way from its tree to a work, and a focus that outlives what is drawn anew.
let pressed = null;
const name = (node) => ["do", "id", "sign"].map((key) => node.dataset[key] ?? "").join("/");
const settle = () => {
  const here = element.querySelector(".together-room");
  const link = element.querySelector("[data-link]");
  if (link) link.value = `${location.origin}${location.pathname}?room=${here.dataset.room}`;
  if (pressed && document.activeElement === document.body)
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
  const show = event.target.closest("[data-show]");
  const work = show && element.querySelector(`[data-work="${show.dataset.show}"]`);
  if (work) {
    work.scrollIntoView({ block: "center" });
    work.focus({ preventScroll: true });
  }
});
