// A search has a desk of its own: what it waits for keeps no dial waiting.
studio.desk("find", (gestures) => {
  const form = gestures.some((gesture) => gesture.do === "find.keep") && element.querySelector("form");
  if (form) {
    const status = form.querySelector("[data-looking]");
    status.textContent = status.dataset.looking;
    form.querySelector("button").disabled = true;
  }
  trigger("act", { gestures });
});
watch("value", () => {
  studio.desks.find.done();
  for (const once of element.querySelectorAll("[data-adopt]")) {
    once.remove();
    studio.desks["tab-explore"].ask({ do: "adopt" });
  }
});
