// What own dials change is measured after they are there; dials.js says it.
watch("value", () => window.studio.showEffects?.(props.value || {}));
