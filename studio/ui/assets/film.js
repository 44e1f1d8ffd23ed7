// What makes a film may stand anywhere in the tab. One is made at a time: the framework does not see
// that another may be begun after one was stopped, so it is seen to here.
const SOON = 2000; // milliseconds in which the bar comes
let asked = 0;
// From the first answer on it is the bar that tells.
watch("value", () => (asked = 0));
// What is on its way as a film is stopped may come last, and would stay.
let isStopped = false;
const stop = (now) => {
  isStopped = now;
  element.style.display = now ? "none" : "";
};
element.closest("[role=tabpanel]").addEventListener("click", (event) => {
  const maker = event.target.closest("[data-film]");
  const isComing = Date.now() - asked < SOON;
  const isMaking = isComing || (!isStopped && element.querySelector("[data-stop]"));
  if (maker && !maker.disabled && !isMaking) {
    asked = Date.now();
    stop(false);
    trigger("film", { film: maker.dataset.film });
  }
  if (event.target.closest("[data-stop]")) {
    asked = 0;
    stop(true);
    trigger("stop", {});
  }
});
