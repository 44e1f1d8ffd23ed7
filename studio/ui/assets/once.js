// Leads to another tab when Python wants it, once.
watch("value", () => {
  for (const once of element.querySelectorAll("[data-once][data-go]")) {
    once.remove();
    document.getElementById(once.dataset.go)?.click();
  }
});
