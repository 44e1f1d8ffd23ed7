// A panel tells Python its gestures through the desk of its tab (see studio.js). Every answer
// carries a new number, so the desk always hears that it came.
const tab = element.closest("[role=tabpanel]");
studio.desk(tab.id, (gestures) => trigger("act", { gestures }));
watch("value", () => {
  studio.desks[tab.id].done();
  // What Python wants done once: save a file, fetch one, or go to another tab.
  for (const once of element.querySelectorAll("[data-once]")) {
    once.remove();
    if (once.matches("form")) studio.fetchFile(once);
    else if (once.dataset.go) studio.go(once.dataset.go);
    else if (once.dataset.onward) studio.meet(once.dataset.onward);
    else studio.save({ name: once.dataset.name, data: once.dataset.file });
  }
});
// While something is under way Python marks the panel, and it is drawn anew until it is done.
const poll = setInterval(() => {
  if (!element.isConnected) clearInterval(poll);
  else if (element.querySelector("[data-poll]") && studio.desks[tab.id].isIdle())
    studio.desks[tab.id].ask({ do: "look" });
}, 700);
