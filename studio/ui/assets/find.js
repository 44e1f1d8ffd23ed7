// A search has a desk of its own: what it waits for keeps no dial waiting.
studio.desk("find", (gestures) => trigger("act", { gestures }));
watch("value", () => {
  studio.desks.find.done();
  for (const once of element.querySelectorAll("[data-adopt]")) {
    once.remove();
    studio.desks["tab-explore"].ask({ do: "adopt" });
  }
});
