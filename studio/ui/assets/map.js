// The map itself: thumbnails that are fetched as one comes nearer, and a point under the hand whose
// artwork Python shows beside it. A place is a pair of numbers, 0..1 to the right and downwards.
const SETTLED = 180; // milliseconds without moving that count as having chosen
const PATIENCE = 20000; // milliseconds until thumbnails that do not come are asked for again
const TILE = 96; // pixels that a thumbnail is laid out with, whatever it is scaled to
const CLICK = 4; // pixels that a hand may move and still have clicked
const DRAWN = 8; // places of a way that was drawn by hand
const MOST = 12; // places of a way
const LARGEST = 64; // as large as the map is ever shown, in its smallest size
const NARROW = 420; // pixels, below which there is room for one word
const GLIDE = 600; // milliseconds that somebody else takes from place to place
const EDGE = 0.15; // share of the map where a name stands beside its place and not below
const LOOK = 2000; // milliseconds between two looks for a map that has not come
const ASKED_AGAIN = [2, 8, 24]; // looks after which it is asked for again
const NEAR = 1.8; // from which on smaller regions are named
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const chart = element.querySelector(".chart");
const desk = () => window.studio.desks["tab-map"];

let value = null;
let frame = null;
let view = { x: 0.5, y: 0.5, scale: 1 };
let spot = [0.5, 0.5];
let trail = [];
let layers = { pins: [], liking: [] };
let room = null; // what was last heard of the room one is in
let shared = { works: [], stamp: "", legend: "" }; // its works on this map
let isSeen = true; // whether one shows oneself there, and sees the others
let thumbnails = new Map();
let nodes = new Map();
let asked = 0;
let askedAt = 0;
let isAsking = false;
let isDrawing = false;
let line = null;
let settling = 0;
let moving = 0;
let isDue = false;
let pressed = null;
let said = 0; // gestures of this page
let saidBefore = 0; // by the time the tab went out of sight
const hands = new Map(); // that touch the map, and where

const part = (name) => chart.querySelector(`.map-${name}`);
const clamp = (number, least, most) => Math.min(Math.max(number, least), most);
const side = () => frame?.clientWidth ?? 0;
// Steps from side to side of the whole map; half a thumbnail stands out over each edge.
const steps = () => value.across * (side() < NARROW ? 1 : 2);
const unit = () => (side() * view.scale * steps()) / (steps() + 1);
const shown = ([x, y]) => [side() / 2 + (x - view.x) * unit(), side() / 2 + (y - view.y) * unit()];
const placed = (event) => {
  const box = frame.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
const under = ([left, top]) => [
  clamp(view.x + (left - side() / 2) / unit(), 0, 1),
  clamp(view.y + (top - side() / 2) / unit(), 0, 1),
];

function update() {
  const next = props.value;
  if (!next) return;
  if (next.instead) {
    frame = null;
    chart.innerHTML = `<div class="map-waiting" role="status"><p></p></div>`;
    chart.querySelector("p").textContent = next.instead;
    return;
  }
  const isSame = value?.of === next.of;
  const isBuilt = isSame && frame && drawnFrom(value) === drawnFrom(next);
  value = next;
  // What was done since the tab came up is newer than an answer that was asked for as it did.
  if (!isSame || said === saidBefore) ({ spot, trail } = next);
  if (!isSame) {
    thumbnails = new Map();
    isAsking = false;
    view = { x: 0.5, y: 0.5, scale: 1 };
    layers = { pins: [], liking: [] };
    shared = { works: [], stamp: "", legend: "" };
  }
  // Nor is anything taken from under a hand, or what it has switched on put back.
  if (isBuilt) showTrail();
  else build();
  look();
  desk()?.moved();
}

// All that the frame is made from, places aside.
const drawnFrom = ({ spot, trail, ...rest }) => JSON.stringify(rest);

function ask(gesture) {
  said += 1;
  desk()?.ask(gesture);
}

function build() {
  nodes = new Map();
  isDrawing = false;
  line = null;
  hands.clear();
  chart.innerHTML = `<div class="map-frame" tabindex="0" role="application" aria-describedby="map-hint">
    <div class="map-tiles" aria-hidden="true"></div><canvas class="map-veil" aria-hidden="true"></canvas>
    <svg class="map-trail" aria-hidden="true"><polyline/></svg><div class="map-names" aria-hidden="true"></div>
    <div class="map-pins"></div><div class="map-room"><div class="map-shared"></div><div class="map-others"
    role="list"></div></div><span class="map-spot" aria-hidden="true"></span></div>
    ${value.tools}<p class="hint" id="map-hint"></p><p class="hint map-legend"></p><p class="hint map-minds"></p>`;
  frame = part("frame");
  frame.setAttribute("aria-label", value.words.label);
  chart.querySelector(".hint").textContent = value.words.hint;
  part("legend").textContent = value.words["liking.hint"];
  new ResizeObserver(look).observe(frame);
  frame.addEventListener("pointerdown", down);
  frame.addEventListener("pointermove", move);
  // Arrows go along the tabs while one has the focus; who points at the map means the map.
  frame.addEventListener("pointerenter", () => {
    if (document.activeElement?.matches("[role=tab]")) frame.focus({ preventScroll: true });
  });
  for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, up);
  frame.addEventListener("wheel", wheel, { passive: false });
  frame.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target !== frame) return;
    event.preventDefault();
    open();
  });
  dress();
  dressRoom();
}

// What lies over the thumbnails: own works, liking, the way.
function dress() {
  const { pins, liking } = layers;
  const tool = (name) => chart.querySelector(`[data-tool=${name}]`);
  tool("works").hidden = !pins.length;
  tool("liking").hidden = !liking.length;
  part("legend").hidden = !liking.length || tool("liking").ariaPressed !== "true";
  part("pins").replaceChildren(...pins.map((pin) => pinned(pin, "open_work")));
  const size = Math.round(Math.sqrt(liking.length));
  const veil = part("veil");
  veil.hidden = !size;
  if (size) {
    veil.width = veil.height = size;
    const wall = getComputedStyle(frame).backgroundColor;
    const pen = veil.getContext("2d");
    liking.forEach((share, index) => {
      pen.globalAlpha = 0.88 * (1 - share);
      pen.fillStyle = wall;
      pen.fillRect(index % size, Math.floor(index / size), 1, 1);
    });
  }
  showTrail();
}

function pinned(pin, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = `map-pin ${pin.verdict ?? ""}`;
  button.title = pin.label;
  button.setAttribute("aria-label", pin.label);
  Object.assign(button.dataset, { do: act, id: pin.id });
  button.innerHTML = pin.thumbnail;
  button.addEventListener("pointerdown", (event) => event.stopPropagation());
  return button;
}

// The room's works and its other people.
function dressRoom() {
  chart.querySelector("[data-tool=room]").hidden = !room;
  if (!isSeen) press("room", false);
  part("room").classList.toggle("is-off", !isSeen);
  part("shared").replaceChildren(...shared.works.map((pin) => pinned(pin, "open_shared")));
  part("minds").textContent = shared.legend;
  part("minds").hidden = !shared.legend || !isSeen;
  showOthers();
}

function showOthers() {
  const list = part("others");
  list.setAttribute("aria-label", room?.label ?? "");
  const here = new Map([...list.children].map((node) => [node.dataset.id, node]));
  for (const { id, name, colour, label } of room?.cursors ?? []) {
    const node = here.get(String(id)) ?? cursor(id);
    here.delete(String(id));
    node.className = `map-other ${colour}`;
    node.setAttribute("aria-label", label);
    node.querySelector("b").textContent = name;
    list.append(node);
  }
  for (const node of here.values()) node.remove();
  look();
}

function cursor(id) {
  const node = document.createElement("span");
  node.dataset.id = id;
  node.setAttribute("role", "listitem");
  node.append(document.createElement("i"), document.createElement("b"));
  return node;
}

function showTrail() {
  const walk = chart.querySelector("[data-do=walk]");
  walk.hidden = trail.length < 2;
  walk.textContent = value.words.walk.replace("{count}", trail.length);
  chart.querySelector("[data-tool=forget]").hidden = !trail.length;
  look();
}

function look() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    if (frame?.isConnected && side()) render();
  });
}

function render() {
  const level = clamp(Math.round(Math.log2((view.scale * steps()) / value.across)), 0, value.deepest);
  const missing = keysAt(level).filter((key) => !thumbnails.has(key));
  const used = new Set();
  // Until the nearer ones are there, the farther ones are seen between them.
  for (let at = missing.length ? Math.max(0, level - 2) : level; at <= level; at += 1) {
    const size = unit() / (value.across * 2 ** at);
    for (const key of keysAt(at)) {
      if (!thumbnails.has(key)) continue;
      const name = `${at}:${key}`;
      used.add(name);
      if (!nodes.has(name)) nodes.set(name, hung(thumbnails.get(key)));
      const [x, y] = shown(key.split("/").map((step) => step / finest()));
      const style = nodes.get(name).style;
      style.zIndex = at;
      style.transform = `translate(${x - size / 2}px, ${y - size / 2}px) scale(${size / TILE})`;
    }
  }
  for (const [name, node] of nodes) {
    if (used.has(name)) continue;
    node.remove();
    nodes.delete(name);
  }
  over();
  fetchTiles(missing);
}

const finest = () => value.across * 2 ** value.deepest;

// Places of the thumbnails of a level that are in sight, the nearest to the middle first.
function keysAt(level) {
  const step = 2 ** (value.deepest - level);
  const count = value.across * 2 ** level;
  const reach = side() / 2 / unit() + 0.5 / count;
  const range = (middle) => {
    const first = clamp(Math.ceil((middle - reach) * count), 0, count);
    const last = clamp(Math.floor((middle + reach) * count), 0, count);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  };
  const found = [];
  for (const y of range(view.y))
    for (const x of range(view.x))
      found.push([Math.hypot(x / count - view.x, y / count - view.y), `${x * step}/${y * step}`]);
  return found.sort(([one], [other]) => one - other).map(([, key]) => key);
}

function hung(thumbnail) {
  const node = document.createElement("div");
  node.className = "map-tile";
  node.innerHTML = thumbnail;
  part("tiles").append(node);
  return node;
}

function fetchTiles(missing) {
  if (!missing.length || (isAsking && Date.now() - askedAt < PATIENCE)) return;
  isAsking = true;
  askedAt = Date.now();
  trigger("tiles", { wanted: missing.slice(0, 40), asked: (asked += 1) });
}

window.studio.showTiles = (found) => {
  if (!value || found.of !== value.of) return;
  for (const [key, thumbnail] of Object.entries(found.found)) thumbnails.set(key, thumbnail);
  if (found.asked === asked) isAsking = false;
  look();
};
window.studio.showLayers = (found) => {
  if (!value || !frame || found.of !== value.of) return;
  const before = JSON.stringify(layers);
  layers = found;
  if (JSON.stringify(found) !== before) dress();
};
// See pulse.js: what the room hears of this page, and what the page hears of the room.
window.studio.onMap = () =>
  value && frame && { of: value.of, at: isSeen ? spot : null, places: shared.stamp };
let gliding = 0;
window.studio.showRoom = (found) => {
  const before = Boolean(room);
  room = found?.of === value?.of ? found : null;
  if (!value || !frame) return;
  if (!room) shared = { works: [], stamp: "", legend: "" };
  if (found?.works && room) shared = found;
  // They move on between two words of them, but not while the map itself is moved.
  part("others").classList.add("is-gliding");
  clearTimeout(gliding);
  gliding = setTimeout(() => part("others")?.classList.remove("is-gliding"), GLIDE);
  if (before !== Boolean(room) || (found?.works && room)) dressRoom();
  else showOthers();
};

// Everything that keeps its size while the map is scaled.
function over() {
  const put = (node, place) => {
    const [x, y] = shown(place);
    node.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
  };
  put(part("spot"), spot);
  [...part("pins").children].forEach((node, index) => {
    const { x, y } = layers.pins[index];
    put(node, [x, y]);
  });
  [...part("shared").children].forEach((node, index) => {
    const { x, y } = shared.works[index];
    put(node, [x, y]);
  });
  [...part("others").children].forEach((node, index) => {
    const { at } = room.cursors[index];
    put(node, at);
    const left = shown(at)[0] / side();
    node.dataset.edge = left < EDGE ? "start" : left > 1 - EDGE ? "end" : "";
  });
  const points = (line ?? trail).map(shown);
  part("trail").querySelector("polyline").setAttribute("points", points.map(String).join(" "));
  part("trail").querySelectorAll("circle").forEach((circle) => circle.remove());
  for (const [x, y] of line ? [] : points) {
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [name, number] of Object.entries({ cx: x, cy: y, r: 5 })) circle.setAttribute(name, number);
    part("trail").append(circle);
  }
  const size = Math.sqrt(layers.liking.length);
  if (size) {
    const [left, top] = shown([-0.5 / (size - 1), -0.5 / (size - 1)]);
    const width = (unit() * size) / (size - 1);
    Object.assign(part("veil").style, { transform: `translate(${left}px, ${top}px)`, width: `${width}px`, height: `${width}px` });
  }
  const names = value.regions[view.scale < NEAR ? 0 : 1];
  const node = part("names");
  if (node.dataset.count !== `${names.length} ${side() < NARROW}`) {
    node.dataset.count = `${names.length} ${side() < NARROW}`;
    node.replaceChildren(
      ...names.map(({ name }) => {
        const word = document.createElement("span");
        word.textContent = (side() < NARROW ? name.slice(0, 1) : name).join(value.words.comma);
        return word;
      }),
    );
  }
  [...node.children].forEach((word, index) => put(word, [names[index].x, names[index].y]));
}

// The artwork of a place: while the hand moves the newest wins, and where it rests is remembered.
function go(place, isLive) {
  spot = place;
  look();
  clearTimeout(settling);
  if (isLive) ask({ do: "point", at: spot, live: true });
  const settle = () => {
    ask({ do: "point", at: spot });
    desk()?.moved();
  };
  if (isLive) settling = setTimeout(settle, SETTLED);
  else settle();
}

function open() {
  clearTimeout(settling);
  ask({ do: "point", at: spot });
  ask({ do: "open" });
}

function show(next) {
  const scale = clamp(next.scale, 1, LARGEST);
  const most = (0.5 * (steps() + 1)) / steps();
  const half = most / scale;
  view = {
    scale,
    x: clamp(next.x, 0.5 - most + half, 0.5 + most - half),
    y: clamp(next.y, 0.5 - most + half, 0.5 + most - half),
  };
  look();
}

// Nearer or farther, with the place under the hand staying there.
function zoom(factor, about = shown(spot)) {
  const place = [view.x + (about[0] - side() / 2) / unit(), view.y + (about[1] - side() / 2) / unit()];
  const scale = clamp(view.scale * factor, 1, LARGEST);
  const share = view.scale / scale;
  show({ scale, x: place[0] + (view.x - place[0]) * share, y: place[1] + (view.y - place[1]) * share });
}

function glide(factor) {
  cancelAnimationFrame(moving);
  if (calm.matches) return zoom(factor);
  const begin = performance.now();
  let done = 0;
  const step = (now) => {
    const t = clamp((now - begin) / 220, 0, 1);
    const eased = 1 - (1 - t) ** 3;
    zoom(factor ** (eased - done));
    done = eased;
    if (t < 1) moving = requestAnimationFrame(step);
  };
  moving = requestAnimationFrame(step);
}

function down(event) {
  if (event.button) return;
  frame.setPointerCapture(event.pointerId);
  hands.set(event.pointerId, placed(event));
  pressed = hands.size === 1 ? { at: placed(event), isMoved: false } : null;
  if (isDrawing && pressed) line = [under(placed(event))];
}

function move(event) {
  const now = placed(event);
  const before = hands.get(event.pointerId);
  if (!before) {
    if (event.pointerType === "mouse" && !isDrawing) go(under(now), true);
    return;
  }
  if (hands.size === 2) {
    const [other] = [...hands].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    const apart = (at) => Math.max(Math.hypot(at[0] - other[0], at[1] - other[1]), 1);
    zoom(apart(now) / apart(before), middle);
    show({ ...view, x: view.x - (now[0] - before[0]) / 2 / unit(), y: view.y - (now[1] - before[1]) / 2 / unit() });
  } else if (pressed) {
    pressed.isMoved ||= Math.hypot(now[0] - pressed.at[0], now[1] - pressed.at[1]) > CLICK;
    if (!pressed.isMoved) return;
    if (line) {
      line.push(under(now));
      go(under(now), true);
    } else if (event.pointerType !== "mouse" && view.scale < 1.05) {
      // A finger cannot hover; on the whole map, where nothing can be moved aside, it points.
      go(under(now), true);
    } else {
      show({ ...view, x: view.x - (now[0] - before[0]) / unit(), y: view.y - (now[1] - before[1]) / unit() });
    }
  }
  hands.set(event.pointerId, now);
}

function up(event) {
  hands.delete(event.pointerId);
  if (!pressed) return;
  const { isMoved } = pressed;
  pressed = null;
  if (line) {
    const points = line;
    line = null;
    press("draw", false);
    if (isMoved) return say(evenly(points, DRAWN));
  }
  if (isMoved || event.type === "pointercancel") return look();
  const place = under(placed(event));
  if (event.pointerType !== "mouse") return go(place, false);
  spot = place;
  open();
}

function wheel(event) {
  // Farther than the whole map there is only the page.
  if (event.deltaY > 0 && view.scale <= 1) return;
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode ? 24 : 1);
  zoom(Math.exp(-clamp(pixels, -240, 240) * 0.003), placed(event));
}

// So many places at equal distances along a line.
function evenly(points, count) {
  const walked = [0];
  for (let index = 1; index < points.length; index += 1)
    walked.push(walked[index - 1] + Math.hypot(points[index][0] - points[index - 1][0], points[index][1] - points[index - 1][1]));
  const whole = walked[walked.length - 1];
  return Array.from({ length: count }, (_, number) => {
    const wanted = (whole * number) / (count - 1);
    const index = clamp(walked.findIndex((at) => at >= wanted), 1, points.length - 1);
    const share = (wanted - walked[index - 1]) / (walked[index] - walked[index - 1] || 1);
    return [0, 1].map((axis) => points[index - 1][axis] + share * (points[index][axis] - points[index - 1][axis]));
  });
}

function say(points) {
  trail = points.slice(0, MOST);
  ask({ do: "trail", points: trail });
  showTrail();
}

function press(name, isOn) {
  chart.querySelector(`[data-tool=${name}]`).setAttribute("aria-pressed", isOn);
  if (name === "draw") isDrawing = isOn;
  frame.classList.toggle(`is-${name}`, isOn);
}

const tools = {
  nearer: () => glide(1.6),
  farther: () => glide(1 / 1.6),
  whole: () => glide(1 / view.scale),
  stop: () => say([...trail, spot]),
  forget: () => say([]),
};

chart.addEventListener("click", (event) => {
  const tool = event.target.closest("[data-tool]");
  if (tool && tools[tool.dataset.tool]) tools[tool.dataset.tool]();
  else if (tool) {
    const isOn = tool.getAttribute("aria-pressed") !== "true";
    press(tool.dataset.tool, isOn);
    const layer = { names: "names", works: "pins", liking: "veil" }[tool.dataset.tool];
    if (layer) part(layer).classList.toggle("is-off", !isOn);
    if (layer === "veil") part("legend").hidden = !isOn;
    if (tool.dataset.tool === "room") {
      isSeen = isOn;
      dressRoom();
    }
  }
  const arrow = event.target.closest("[data-move]")?.dataset.move;
  if (!arrow) return;
  const step = 1 / 32 / view.scale;
  const [dx, dy] = { left: [-step, 0], right: [step, 0], up: [0, -step], down: [0, step] }[arrow];
  const place = [clamp(spot[0] + dx, 0, 1), clamp(spot[1] + dy, 0, 1)];
  // It never leaves what is seen.
  const reach = (0.4 * side()) / unit();
  show({ ...view, x: clamp(view.x, place[0] - reach, place[0] + reach), y: clamp(view.y, place[1] - reach, place[1] + reach) });
  go(place, true);
});

new ResizeObserver(() => {
  if (!chart.offsetParent) saidBefore = said;
}).observe(chart);
watch("value", update);
update();

// An answer that comes before there is anything to show it in is lost, on a page that is slow to lay
// out its tabs. Then it is asked for once more, and ever more patiently.
let looks = 0;
const missing = setInterval(() => {
  if (props.value || !element.isConnected) return clearInterval(missing);
  looks = chart.offsetParent ? looks + 1 : 0;
  if (ASKED_AGAIN.includes(looks)) trigger("lost", {});
}, LOOK);
