// The hand on the work: a layer over the large artwork takes what is dragged or drawn, by pointer
// or by keys, and hands it on. Marks stay until the work has followed all of them.
const STEP = 0.02;
const LEAP = 0.1;
const LONGEST = 48; // points of one line
const CLICK = 0.015; // shares of the work's width below which the hand did not move
const SVG = "http://www.w3.org/2000/svg";
const root = element.querySelector(".hand");
const frame = () => element.closest(".centre").querySelector(".stage-frame");
// The work, or what of it can be taken hold of.
const work = () => {
  const whole = frame()?.querySelector("figure.stage > :first-child");
  return whole?.querySelector("[data-graspable]") ?? whole;
};
const desk = () => window.studio.desks["tab-explore"];

let words = {};
let kinds = [];
let kind = "";
let isOn = false;
let isUnderWay = 0;
let isStopped = false;
let marks = []; // what the work is to follow, the oldest first
let held = null; // what is being dragged or drawn
let at = [0.5, 0.5]; // where the cross of the keyboard is
let built = "";

const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const layer = make("div", { class: "hand-layer", tabindex: 0, role: "application" });
const drawing = document.createElementNS(SVG, "svg");
drawing.setAttribute("viewBox", "0 0 1000 1000");
drawing.setAttribute("preserveAspectRatio", "none");
drawing.setAttribute("aria-hidden", "true");
layer.append(drawing);
const button = (label, act, attributes = {}) => {
  const node = make("button", { type: "button", ...attributes }, label);
  node.addEventListener("click", act);
  return node;
};
const find = (name) => root.querySelector(`[data-hand=${name}]`);

function build() {
  const toggle = button("", () => turn(!isOn), { "data-hand": "toggle", "data-key": "h" });
  toggle.innerHTML = words.icon;
  toggle.append(make("span", {}, words.title));
  const ways = make("span", { class: "hand-kinds", role: "group", "aria-label": words.title });
  for (const one of kinds) {
    if (kinds.length < 2) continue;
    ways.append(button(words[one], () => choose(one), { "data-kind": one }));
  }
  const colour = make("input", { type: "color", value: "#3d6fb4", "data-hand": "colour" });
  const width = make("input", {
    type: "range", min: 0.02, max: 0.25, step: 0.01, value: 0.08, "data-hand": "width",
  });
  root.replaceChildren(
    make("div", { class: "toolbar onward" }, toggle),
    make(
      "div", { class: "hand-tools", hidden: "" },
      ways,
      make("label", { class: "hand-paint" }, make("span", {}, words.colour), colour),
      make("label", { class: "hand-paint" }, make("span", {}, words.width), width),
      button(words.clear, clear, { "data-hand": "clear" }),
      button(words.stop, stop, { "data-hand": "stop" }),
    ),
    make("p", { class: "hint hand-hint", hidden: "" }),
    make("p", { class: "unseen", role: "status", "data-hand": "place" }),
    layer,
  );
  onChange.observe(frame());
  onChange.observe(root);
  choose(kinds.includes(kind) ? kind : kinds[0]);
}

function choose(one) {
  kind = one;
  held = null;
  for (const node of root.querySelectorAll("[data-kind]"))
    node.setAttribute("aria-pressed", String(node.dataset.kind === kind));
  for (const node of root.querySelectorAll(".hand-paint")) node.hidden = kind !== "paint";
  root.querySelector(".hand-hint").textContent = words[`${kind}.hint`];
  layer.setAttribute("aria-label", `${words[`${kind}.hint`]} ${words.keys}`);
  draw();
}

function turn(on) {
  isOn = on;
  if (!isOn) {
    if (isUnderWay) stop();
    clear();
  }
  find("toggle").setAttribute("aria-pressed", String(isOn));
  root.querySelector(".hand-tools").hidden = !isOn;
  root.querySelector(".hand-hint").hidden = !isOn;
  layer.hidden = !isOn;
  place();
  draw();
  if (isOn) layer.focus({ preventScroll: true });
}

// Over the work, wherever the page has put it.
function place() {
  const target = isOn && work();
  if (!target) return;
  const there = target.getBoundingClientRect();
  const here = root.getBoundingClientRect();
  Object.assign(layer.style, {
    left: `${there.left - here.left}px`,
    top: `${there.top - here.top}px`,
    width: `${there.width}px`,
    height: `${there.height}px`,
  });
}

function clear() {
  marks = [];
  held = null;
  draw();
}

function stop() {
  clear();
  isStopped = true;
  desk()?.ask({ do: "let_go" });
}

const clamp = (value) => Math.min(Math.max(value, 0), 1);
const apart = ([a, b], [c, d]) => Math.hypot(a - c, b - d);

function down(point) {
  held = { kind, points: [point] };
  if (kind === "paint") held.colour = find("colour").value;
  if (kind !== "drag") held.width = Number(find("width").value);
  draw();
}

function move(point) {
  if (!held) return;
  if (held.kind === "drag") held.points = [held.points[0], point];
  else if (apart(held.points.at(-1), point) > 0.004) held.points.push(point);
  draw();
}

function up() {
  if (!held) return;
  const done = held;
  held = null;
  const every = Math.ceil(done.points.length / LONGEST);
  done.points = done.points.filter((_, i) => i % every === 0 || i === done.points.length - 1);
  const isPin = done.kind === "drag" && apart(done.points[0], done.points.at(-1)) < CLICK;
  if (isPin) done.points = [done.points[0]];
  marks.push(done);
  draw();
  // What stays where it is goes with the next thing that moves.
  if (!isPin) send();
}

function send() {
  isUnderWay += 1;
  draw();
  window.studio.follow(marks);
}

// Called when an answer has come whole, has failed or was overtaken.
window.studio.followed = () => {
  isUnderWay -= 1;
  if (!isUnderWay) {
    marks = [];
    // The last picture of the way may have come after the answer that let go.
    if (isStopped) desk()?.ask({ do: "let_go" });
    isStopped = false;
  }
  draw();
};

function line(points, colour, wide, name = "") {
  const node = document.createElementNS(SVG, "path");
  const [first, ...rest] = points.map(([x, y]) => `${(1000 * x).toFixed(1)} ${(1000 * y).toFixed(1)}`);
  node.setAttribute("d", `M${first}${rest.length ? rest.map((one) => `L${one}`).join("") : "h.01"}`);
  node.setAttribute("stroke-width", wide);
  if (colour) node.style.stroke = colour;
  if (name) node.setAttribute("class", name);
  drawing.append(node);
}

function draw() {
  drawing.replaceChildren();
  const wide = layer.clientWidth || 1;
  for (const mark of held ? [...marks, held] : marks) {
    if (mark.kind !== "drag") {
      line(mark.points, mark.colour, mark.kind === "paint" ? mark.width * wide : 4, mark.kind);
      continue;
    }
    const isPin = mark.points.length < 2;
    if (!isPin) {
      line(mark.points, "", 5, "edge");
      line(mark.points, "", 2.5, "way");
    }
    line([mark.points[0]], "", 15, "edge");
    line([mark.points[0]], "", 10, isPin ? "pin" : "start");
    if (isPin) continue;
    line([mark.points[1]], "", 15, "edge");
    line([mark.points[1]], "", 10, "goal");
  }
  if (document.activeElement === layer && layer.matches(":focus-visible")) {
    const [x, y] = at;
    for (const name of ["edge", "way"]) {
      line([[x - 0.025, y], [x + 0.025, y]], "", name === "edge" ? 5 : 2, name);
      line([[x, y - 0.025], [x, y + 0.025]], "", name === "edge" ? 5 : 2, name);
    }
  }
  if (!find("stop")) return;
  layer.classList.toggle("is-under-way", isUnderWay > 0);
  find("stop").disabled = !isUnderWay;
  find("clear").disabled = !marks.length || isUnderWay > 0;
}

const pointOf = (event) => {
  const box = layer.getBoundingClientRect();
  return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
};
layer.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  layer.setPointerCapture(event.pointerId);
  at = pointOf(event);
  down(at);
});
layer.addEventListener("pointermove", (event) => {
  if (layer.hasPointerCapture(event.pointerId)) move((at = pointOf(event)));
});
layer.addEventListener("pointerup", up);
layer.addEventListener("pointercancel", () => {
  held = null;
  draw();
});
layer.addEventListener("focus", draw);
layer.addEventListener("blur", draw);

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
layer.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const way = WAYS[event.key];
  if (way) {
    const by = event.shiftKey ? LEAP : STEP;
    at = at.map((value, axis) => clamp(value + by * way[axis]));
    find("place").textContent = words.place
      .replace("{x}", Math.round(100 * at[0]))
      .replace("{y}", Math.round(100 * at[1]));
    move(at);
    draw();
  } else if (event.key === "Enter" || event.key === " ") {
    if (held) up();
    else down(at);
  } else if (event.key === "Escape") {
    if (held || (marks.length && !isUnderWay)) clear();
    else if (isUnderWay) stop();
    else {
      turn(false);
      find("toggle").focus();
    }
  } else return;
  event.preventDefault();
});

function update() {
  const value = props.value;
  if (!value) return;
  element.hidden = !value.kinds.length;
  if (!value.kinds.length) return turnedOff();
  const signature = JSON.stringify([value.kinds, value.words]);
  if (signature !== built) {
    built = signature;
    ({ kinds, words } = value);
    build();
    turn(isOn);
  }
  place();
}

function turnedOff() {
  built = "";
  isOn = false;
  marks = [];
  root.replaceChildren();
}

// The work may have another size once its picture is there, and what lies above it too.
const onChange = new ResizeObserver(() => {
  place();
  draw();
});
watch("value", update);
update();
