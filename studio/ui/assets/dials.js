// The sliders of Explore. Built here and not by the server, so that a dial that is being dragged
// or has the focus is never replaced under the hand.
const LARGEST = 3;
const STEP = 0.05;
const LOCK =
  '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 11h12v10H6ZM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11"/></svg>';
const rows = new Map();
const list = element.querySelector(".dials");
let pictures = {};
let held = null;
let shown = "";

const desk = () => window.studio.desks["tab-explore"];
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const spoken = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(1);

function positions() {
  const turned = {};
  for (const [key, row] of rows) {
    const value = Number(row.input.value);
    if (key !== "wildness" && value !== 0) turned[key] = value;
  }
  return turned;
}

function steer(live) {
  const wildness = Number(rows.get("wildness").input.value);
  const gesture = { do: "steer", positions: positions(), wildness };
  if (live) gesture.live = true;
  desk()?.ask(gesture);
}

function show(row) {
  const value = Number(row.input.value);
  row.output.textContent = row.isWildness ? value.toFixed(2) : spoken(value);
  row.input.setAttribute("aria-valuetext", row.valueText(value));
  const share = (value - Number(row.input.min)) / (row.input.max - row.input.min);
  row.input.style.setProperty("--at", share);
  row.node.classList.toggle("turned", value !== row.rest);
}

function turn(row, value) {
  row.input.value = value;
  show(row);
  steer(false);
}

// The name becomes a field until it is sent, or left.
function nameAnew(head, id, name, words) {
  const form = make("form", { class: "rename" });
  const field = make("input", { type: "text", maxlength: 40, required: "", "aria-label": words["rename.label"] });
  field.value = name;
  form.append(field);
  const label = head.querySelector("label");
  label.hidden = true;
  label.after(form);
  field.select();
  const close = () => {
    form.remove();
    label.hidden = false;
  };
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => event.key === "Escape" && close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim() !== name) desk()?.ask({ do: "rename", id, name: field.value });
    close();
  });
}

// A padlock shuts under the finger; what Python makes of it comes with the next `update`.
function lock(key, attributes, text = "") {
  const button = make("button", { type: "button", ...attributes });
  button.innerHTML = LOCK;
  button.append(text);
  button.addEventListener("click", () => {
    const isHeld = button.getAttribute("aria-pressed") !== "true";
    const both = key === "*" ? [...rows.values()].map((row) => row.holds) : [];
    for (const each of [button, ...both]) each?.setAttribute("aria-pressed", isHeld);
    desk()?.ask({ do: "hold", key });
  });
  return button;
}

function build({ key, name, low, high, own, held: canHold }, words) {
  const isWildness = key === "wildness";
  const id = `dial-${key}`;
  const rest = isWildness ? 1 : 0;
  const input = make("input", {
    type: "range",
    id,
    min: isWildness ? 0 : -LARGEST,
    max: isWildness ? 1.5 : LARGEST,
    step: STEP,
    list: isWildness ? "" : "dial-rest",
  });
  const output = make("output", { for: id });
  const end = (word, by) => {
    const label = words.toward.replace("{what}", word);
    const node = make("button", { type: "button", class: "end", "aria-label": label, title: label });
    node.append(make("span", { class: "peek" }));
    node.addEventListener("click", () => {
      const to = Number(input.value) + by * (isWildness ? 0.25 : 0.5);
      turn(row, Math.min(Math.max(to, Number(input.min)), Number(input.max)).toFixed(2));
    });
    return node;
  };
  const lowEnd = end(low, -1);
  const highEnd = end(high, 1);
  const head = make("div", { class: "dial-head" }, make("label", { for: id, title: words.reset }, name));
  let holds = null;
  if (canHold !== undefined) {
    const label = words.hold.replace("{name}", name);
    holds = lock(key, { class: "hold", "aria-label": label, title: label });
    head.append(holds);
  }
  head.append(output);
  if (own) {
    const rename = words.rename.replace("{name}", name);
    const pen = make("button", { type: "button", class: "remove", title: rename, "aria-label": rename }, "✎");
    pen.addEventListener("click", () => nameAnew(head, key, name, words));
    head.append(pen);
    const label = words.forget.replace("{name}", name);
    const forget = make("button", { type: "button", class: "remove", title: label });
    forget.setAttribute("aria-label", label);
    forget.textContent = "×";
    forget.addEventListener("click", () => desk()?.ask({ do: "forget", id: key }));
    head.append(forget);
  }
  const said = make("div", { class: "dial-words", "aria-hidden": "true" });
  said.append(make("span", {}, low), make("span", {}, high));
  const track = make("div", { class: "dial-track" }, lowEnd, input, highEnd, said);
  const node = make("div", { class: isWildness ? "dial wildness" : "dial" }, head, track);
  const effect = make("p", { class: "dial-effect", id: `${id}-effect`, role: "tooltip" });
  if (!isWildness) {
    node.append(effect);
    input.setAttribute("aria-describedby", effect.id);
  }
  const valueText = (value) => {
    if (isWildness) return value.toFixed(2);
    const word = value < 0 ? low : high;
    return value === 0 ? "0" : `${Math.abs(value).toFixed(1)} ${word}`;
  };
  const row = { node, input, output, effect, holds, rest, isWildness, valueText, ends: [lowEnd, highEnd] };
  input.addEventListener("pointerdown", () => (held = key));
  input.addEventListener("input", () => {
    show(row);
    steer(true);
  });
  input.addEventListener("change", () => {
    held = null;
    steer(false);
  });
  // A click that does not move the dial ends without "change".
  input.addEventListener("pointerup", () => (held = null));
  node.addEventListener("dblclick", (event) => event.target.closest("button") || turn(row, rest));
  input.addEventListener("keydown", (event) => event.key === "0" && turn(row, rest));
  return row;
}

function hang() {
  for (const [key, row] of rows) {
    (pictures[key] || ["", ""]).forEach((picture, index) => {
      row.ends[index].querySelector(".peek").innerHTML = picture;
    });
  }
}

function update() {
  const value = props.value;
  if (!value || !value.rows) return;
  const words = value.words;
  const wildness = {
    key: "wildness",
    name: words.wildness,
    low: words["wildness.low"],
    high: words["wildness.high"],
  };
  const wanted = [...value.rows, wildness];
  // What a dial does may be known only later, which is no reason to hang it up anew.
  const signature = JSON.stringify([
    wanted.map(({ effect, held: isHeld, ...dial }) => [dial, isHeld !== undefined]),
    words,
  ]);
  if (signature !== shown) {
    shown = signature;
    const focused = list.contains(document.activeElement) ? document.activeElement.id : "";
    rows.clear();
    const all = lock("*", { class: "hold-all", title: words["hold.all.lead"] }, words["hold.all"]);
    list.replaceChildren(
      make("div", { class: "dials-head" }, make("h3", {}, words.dials), all),
      make("datalist", { id: "dial-rest" }, make("option", { value: 0 })),
    );
    for (const one of wanted) {
      const row = build(one, words);
      rows.set(one.key, row);
      if (one.key !== "wildness") list.append(row.node);
    }
    const more = make("button", { type: "button", class: "quiet more", "data-do": "more" });
    const form = make("form", { class: "name-direction", "data-do": "name", "data-clear": "" });
    const label = { "aria-label": words["name.label"], placeholder: words["name.placeholder"] };
    form.append(
      make("input", { type: "text", name: "name", maxlength: 40, required: "", ...label }),
      make("button", { type: "submit" }, words["name.button"]),
    );
    list.append(more, rows.get("wildness").node, form);
    hang();
    if (focused) document.getElementById(focused)?.focus();
  }
  for (const { key, effect, held: isHeld } of value.rows) {
    rows.get(key).effect.textContent = effect;
    rows.get(key).holds?.setAttribute("aria-pressed", isHeld);
  }
  const all = list.querySelector(".hold-all");
  all.setAttribute("aria-pressed", value.holdsAll);
  all.hidden = !value.rows.some((row) => row.held !== undefined);
  const more = list.querySelector(".more");
  more.textContent = value.more;
  more.hidden = !value.hasMore;
  list.querySelector(".name-direction").hidden = !value.canName;
  // What has not been sent yet is newer than what has just come back.
  if (!desk()?.isWaiting()) {
    for (const [key, row] of rows) {
      if (key === held) continue;
      row.input.value = key === "wildness" ? value.wildness : (value.positions[key] ?? 0);
      show(row);
    }
  }
  desk()?.moved();
}

window.studio.showEnds = (value) => {
  pictures = value;
  hang();
};
window.studio.showEffects = (value) => {
  for (const [key, effect] of Object.entries(value)) {
    if (rows.has(key)) rows.get(key).effect.textContent = effect;
  }
};
watch("value", update);
update();
