// A blind test. A key held down must not judge pairs that nobody has seen.
function once(event) {
  if (!element.isConnected) return document.removeEventListener("keydown", once, true);
  if (!event.repeat || !element.querySelector(".proof")?.offsetParent) return;
  if (element.querySelector(`[data-key="${CSS.escape(event.key)}"]`)) event.preventDefault();
}
document.addEventListener("keydown", once, true);
// A work is as good a button as the one below it; what plays inside it is not meant.
element.addEventListener("click", (event) => {
  const work = event.target.closest(".proof [data-side]");
  if (!work || event.target.closest("audio, button, a, summary")) return;
  element.querySelector(`.proof [data-choice="${work.dataset.side}"]`).click();
});
// The next pair takes the focus that the button of the last one had.
watch("value", () => {
  const active = document.activeElement;
  if (active === document.body || active?.matches("[role=tab]:not(:focus-visible)"))
    element.querySelector("[data-focus]")?.focus({ preventScroll: true });
});
