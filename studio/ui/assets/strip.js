// The present step stays in sight; only the strip itself scrolls, never the page.
watch("value", () => {
  const row = element.querySelector(".strip-row");
  const now = row?.querySelector("[aria-current]");
  if (now) row.scrollLeft = now.offsetLeft - row.offsetLeft - row.clientWidth / 2;
});
