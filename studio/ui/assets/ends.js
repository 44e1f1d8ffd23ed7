// Pictures of where the dials lead arrive after the artwork itself; dials.js hangs them up.
watch("value", () => window.studio.showEnds?.(props.value || {}));
