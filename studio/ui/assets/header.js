// The header's switches. Theme and language are kept in the browser; the language is told to
// Python too, which then has the page loaded anew, since Gradio reads it only once.
const keptLanguage = () => {
  try {
    return localStorage.getItem("latent-studio.language") || "auto";
  } catch {
    return "auto";
  }
};
const mark = () => {
  const select = (name) => element.querySelector(`[data-switch=${name}]`);
  if (select("language")) select("language").value = keptLanguage();
  if (select("theme")) select("theme").value = window.studioTheme.get();
  window.studioTour.invite();
};
watch("value", mark);
mark();

element.addEventListener("change", (event) => {
  const { switch: name } = event.target.dataset;
  const value = event.target.value;
  if (name === "theme") window.studioTheme.set(value);
  if (name === "medium") trigger("medium", { medium: value });
  if (name === "language") {
    if (value === "auto") localStorage.removeItem("latent-studio.language");
    else localStorage.setItem("latent-studio.language", value);
    trigger("language", { language: value });
  }
});
element.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act === "keys") window.studio.sheet(true);
  if (act === "backup") trigger("backup", {});
  if (act === "sign_out") trigger("sign_out", {});
  if (act === "sign_in") location.assign("login/huggingface");
  if (act !== "skip") return;
  const tab = [...document.querySelectorAll("[role=tabpanel]")].find((one) => one.offsetParent);
  tab.tabIndex = -1;
  tab.focus();
});
