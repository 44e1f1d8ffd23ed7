window.studio.follow = (marks) => {
  props.value = structuredClone(marks);
  trigger("gesture");
};
