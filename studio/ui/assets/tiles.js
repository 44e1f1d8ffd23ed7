// Thumbnails arrive some at a time; map.js hangs them up.
watch("value", () => props.value && window.studio.showTiles?.(props.value));
