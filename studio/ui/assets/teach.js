// Before and after: one switch for all pairs, and holding a pair shows its other side.
element.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-view]");
  if (!chip) return;
  element.querySelector(".pairs").dataset.shows = chip.dataset.view;
  for (const other of element.querySelectorAll("[data-view]"))
    other.setAttribute("aria-pressed", other === chip);
});
// What can be compared may have changed with the list of versions.
watch("value", () => document.dispatchEvent(new Event("versions")));
