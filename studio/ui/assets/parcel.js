watch("value", () => {
  if (props.value?.go) document.getElementById(props.value.go)?.click();
  else if (props.value) window.studio.save(props.value);
});
