watch("value", () => {
  if (props.value) window.studio.save(props.value);
});
