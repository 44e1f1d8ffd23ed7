// Runs before Gradio: it reads the language once, when it starts, and follows the system's theme.
(() => {
  const kept = (name) => {
    try {
      return localStorage.getItem(`latent-studio.${name}`);
    } catch {
      return null; // storage may be forbidden inside a frame
    }
  };

  const spoken = { en: "en", zh: "zh-CN" };
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  const chosen =
    window.studioLanguage || kept("language") || preferred.find((tag) => tag in spoken) || "en";
  const language = spoken[chosen] || "en";
  Object.defineProperty(navigator, "language", { get: () => language });
  Object.defineProperty(navigator, "languages", { get: () => [language] });
  document.documentElement.lang = language;

  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const theme = kept("theme") || (system.matches ? "dark" : "light");
    document.documentElement.style.colorScheme = theme;
    if (document.body && document.body.classList.contains("dark") !== (theme === "dark")) {
      document.body.classList.toggle("dark", theme === "dark");
    }
  };
  window.studioTheme = {
    get: () => kept("theme") || "auto",
    set: (theme) => {
      if (theme === "auto") localStorage.removeItem("latent-studio.theme");
      else localStorage.setItem("latent-studio.theme", theme);
      apply();
    },
  };
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    new MutationObserver(apply).observe(document.body, { attributeFilter: ["class"] });
  });
})();
