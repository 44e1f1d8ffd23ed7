// Own works and liking arrive once the hand is at rest; map.js lays them over the thumbnails.
watch("value", () => props.value && window.studio.showLayers?.(props.value));
