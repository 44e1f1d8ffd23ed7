// The slider of a duet: its moves go to Python one after another, and what comes back, or comes from
// the other person by the pulse, is shown if it is newer than what shows.
studio.desk("duet", (gestures) => trigger("mix", { gestures }));
const show = (mix) => {
  const here = document.querySelector(`#tab-together .duet-play[data-duet="${mix.id}"]`);
  if (!here || mix.revision <= Number(here.dataset.revision)) return;
  here.dataset.revision = mix.revision;
  here.querySelector(".duet-stage").innerHTML = mix.html;
  const slider = here.querySelector("input[type=range]");
  if (!slider) return;
  slider.setAttribute("aria-valuetext", mix.said);
  // It does not slip from a hand that holds it.
  if (!slider.matches(":active") && !studio.desks.duet.isWaiting()) slider.value = mix.position;
};
document.addEventListener("duet", ({ detail }) => show(detail));
watch("value", () => {
  if (props.value?.id) show(props.value);
  studio.desks.duet.done();
});
