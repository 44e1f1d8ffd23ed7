element.addEventListener("click", (event) => {
  const maker = event.target.closest("[data-film]");
  if (maker && !maker.disabled) trigger("film", { film: maker.dataset.film });
  if (event.target.closest("[data-stop]")) trigger("stop");
});
