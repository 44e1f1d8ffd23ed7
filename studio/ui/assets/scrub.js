// Playing moves the scrub bar; every place it comes to is asked for like a place under the hand.
let frame = 0;

const bar = () => element.querySelector("input[type=range]");
const music = () => element.closest("[role=tabpanel]").querySelector(".music audio");
const stop = () => {
  cancelAnimationFrame(frame);
  frame = 0;
  music()?.pause();
  element.querySelector(".play")?.classList.remove("playing");
};
const play = () => {
  let before = performance.now();
  element.querySelector(".play").classList.add("playing");
  let at = Number(bar().value);
  if (at >= 1) at = 0;
  const sound = music();
  if (sound?.duration) {
    sound.currentTime = (at * Number(bar().dataset.seconds)) % sound.duration;
    sound.play();
  }
  const step = (now) => {
    if (!bar() || !bar().offsetParent) return stop();
    at += (now - before) / 1000 / Number(bar().dataset.seconds);
    before = now;
    if (at >= 1) at = bar().dataset.loop === "true" ? at - 1 : 1;
    bar().value = at;
    bar().dispatchEvent(new Event("input", { bubbles: true }));
    if (at >= 1) {
      bar().dispatchEvent(new Event("change", { bubbles: true }));
      return stop();
    }
    frame = requestAnimationFrame(step);
  };
  frame = requestAnimationFrame(step);
};

element.addEventListener("click", (event) => {
  if (event.target.closest("[data-play]")) return frame ? stop() : play();
  const picture = event.target.closest("[data-do=scrub][data-value]");
  if (!picture || picture === bar()) return;
  stop();
  bar().value = picture.dataset.value;
});
element.addEventListener("pointerdown", (event) => {
  if (event.target === bar()) stop();
});
