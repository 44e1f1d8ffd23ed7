// Fields of words. What is being typed is left alone until it is said, by Enter or by leaving the
// field; then the field shows what holds, also where a text was not taken.
let draft = null;
const isField = (node) => node.matches("input[type=text]");
element.addEventListener("input", ({ target }) => {
  if (isField(target)) draft = target;
});
element.addEventListener("change", () => (draft = null));
element.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || !isField(event.target)) return;
  event.target.value = event.target.defaultValue;
  draft = null;
});
// Other lines take their time; the answer draws this one as it was.
element.addEventListener("click", ({ target }) => {
  target.closest("[data-do=alternatives]")?.parentElement.classList.add("looking");
});
watch("value", () => {
  for (const field of element.querySelectorAll("input[type=text]"))
    if (field !== draft) field.value = field.defaultValue;
});
