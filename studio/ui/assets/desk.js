window.studio.desk(
  props.desk,
  (gestures) => {
    props.value = gestures;
    trigger("gesture");
  },
  () => trigger("idle"),
);
