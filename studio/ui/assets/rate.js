// The rating desk. It shows the next question from those that lie ready here, so that an answer is
// felt at once; tells the server one action at a time, so that an undo follows what it takes back;
// and meanwhile has further questions made.
const STARS = [1, 2, 3, 4, 5];
const ASPECTS = ["beauty", "creativity", "coherence"];
const PATIENCE_MS = 8000;

const here = new Map(); // questions with their artworks, by id
const answered = new Set(); // answered or skipped here; the server may still list them
const outgoing = []; // actions the server has not confirmed yet
let ready = []; // ids of questions, the next first
let view = null; // what the server said last
let asking = null; // while a further question is being made
let aspects = {};
let sequence = Date.now();
let patience = null;

const desk = element.querySelector(".rate-desk");
const part = (name) => desk.querySelector(`[data-part="${name}"]`);
const say = (key, values = {}) =>
  Object.entries(values).reduce(
    (text, [name, value]) => text.replaceAll(`{${name}}`, value), view.words[key] ?? "");
const current = () => here.get(ready.find((id) => !answered.has(id)));

function send() {
  if (!outgoing.length || patience) return;
  const action = outgoing[0];
  if (action.act === "undo") action.newest ??= view.progress.newest;
  trigger("act", { ...action, have: [...here.keys()] });
  // An answer names its question and an undo the newest rating, so that sending either twice does
  // no harm.
  patience = setTimeout(() => {
    patience = null;
    status(say("retry"));
    send();
  }, PATIENCE_MS);
}

function tell(action) {
  outgoing.push({ ...action, seq: ++sequence });
  send();
}

function settle() {
  if (view.reply === outgoing[0]?.seq) {
    outgoing.shift();
    clearTimeout(patience);
    patience = null;
  }
  send();
}

function askForMore() {
  const left = ready.filter((id) => !answered.has(id)).length;
  if (asking || left >= view.ahead || outgoing.some((action) => action.act !== "answer")) return;
  asking = setTimeout(() => { asking = null; askForMore(); }, 4 * PATIENCE_MS);
  trigger("more", {});
}

function receiveMore({ more: question, revision, medium }) {
  clearTimeout(asking);
  asking = null;
  // Made for the medium or the mode that was left meanwhile.
  if (medium === view.medium && question.kind === view.mode) {
    here.set(question.id, { ...question, revision });
    if (!ready.includes(question.id)) ready.push(question.id);
  }
  drawQuestion();
  askForMore();
}

function status(text) {
  part("status").textContent = text;
}

function answer(choice) {
  const question = current();
  if (!question) return;
  answered.add(question.id);
  tell({ act: "answer", question: question.id, choice, aspects: choice === "skip" ? {} : aspects });
  aspects = {};
  const focus = desk.contains(document.activeElement);
  drawQuestion();
  drawAspects();
  status(choice === "skip" ? "" : say("saving"));
  askForMore();
  // Not on the star that was pressed: a following space or Enter would rate the next one unseen.
  if (focus) part("stage").focus({ preventScroll: true });
}

function undo() {
  tell({ act: "undo" });
}

function star(stars, key = "") {
  const label = say("star", { stars, meaning: say(`stars.${stars}`) });
  return `<button type="button" class="rate-star" data-choice="${stars}" ${key}
    aria-label="${label}" title="${label}"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 2.6l2.9 6 6.6.9-4.8
    4.6 1.2 6.5L12 17.5l-5.9 3.1 1.2-6.5L2.5 9.5l6.6-.9z"/></svg><kbd aria-hidden="true">${
    stars}</kbd></button>`;
}

function drawQuestion() {
  const question = current();
  const stage = part("stage");
  if (!question) {
    delete stage.dataset.question;
    stage.innerHTML = `<p class="rate-wait">${say("preparing")}</p>`;
    return;
  }
  if (stage.dataset.question === question.id) return;
  stage.dataset.question = question.id;
  desk.dataset.kind = question.kind;
  part("ask").textContent = question.ask || say(`ask.${question.kind}`);
  const skip = say(question.former ? "again.keep" : "skip");
  part("skip").firstElementChild.textContent = skip;
  part("skip").setAttribute("aria-label", skip);
  stage.innerHTML = question.works
    .map((work, side) => {
      const choice = ["left", "right"][side];
      return question.kind === "pair"
        ? `<button type="button" class="rate-work" data-choice="${choice}"
             aria-label="${say(choice)}">${work}</button>`
        : `<div class="rate-work">${work}</div>`;
    })
    .join("");
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches)
    stage.animate([{ opacity: 0.25 }, { opacity: 1 }], 160);
  part("answers").innerHTML = question.kind === "pair"
    ? `<button type="button" data-choice="left" data-key="ArrowLeft"><kbd>←</kbd> ${say("left")}</button>
       <button type="button" data-choice="tie" data-key="ArrowDown"><kbd>↓</kbd> ${say("tie")}</button>
       <button type="button" data-choice="right" data-key="ArrowRight">${say("right")} <kbd>→</kbd></button>`
    : `<div class="rate-stars" role="group" aria-label="${say("stars")}">
         ${STARS.map((stars) => star(stars, `data-key="${stars}"`)).join("")}</div>`;
  drawFormer(question.former);
  part("meaning").textContent = "";
}

function drawFormer(former) {
  for (const button of desk.querySelectorAll(".rate-main [data-choice]")) {
    const { choice } = button.dataset;
    if (choice === former) {
      button.setAttribute("aria-description", say("again.former"));
      button.dataset.former = "";
    }
    if (choice <= former && button.matches(".rate-star")) button.dataset.lit = "";
  }
}

function drawElsewhere() {
  const told = view.elsewhere;
  part("elsewhere").hidden = !told;
  part("elsewhere").firstElementChild.textContent = told?.text ?? "";
  part("elsewhere").lastElementChild.textContent = told?.choice ?? "";
}

function drawAspects() {
  part("aspects").innerHTML = ASPECTS.map((aspect) => `
    <div class="rate-aspect" role="group" aria-label="${say(`aspect.${aspect}`)}">
      <span>${say(`aspect.${aspect}`)}</span>
      <span class="rate-stars">${STARS.map((stars) =>
        star(stars).replace("data-choice", `data-aspect="${aspect}" aria-pressed="${
          aspects[aspect] === stars}" ${stars <= (aspects[aspect] ?? 0) ? "data-lit" : ""} data-stars`)
      ).join("")}</span>
    </div>`).join("");
}

function drawSide() {
  const { done, goal } = view.progress;
  part("count").innerHTML = `<strong>${done}</strong> ${say("rated")}`;
  part("bar").style.setProperty("--share", Math.min(done / goal, 1));
  part("bar").setAttribute("aria-valuenow", Math.min(done, goal));
  part("bar").setAttribute("aria-valuemax", goal);
  part("bar").setAttribute("aria-label", view.progress.text);
  part("goal").textContent = view.progress.text;
  part("door").hidden = done < view.progress.needed;
  part("learned").textContent = view.learned;
  part("recent").innerHTML = view.recent.length
    ? view.recent.map((row) => `<li>${row.thumbnail}<span>${row.said}</span></li>`).join("")
    : `<li class="rate-empty">${say("recent.empty")}</li>`;
  part("undo").disabled = !view.progress.done;
  for (const button of desk.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", button.dataset.mode === view.mode);
  }
}

function drawLabels() {
  for (const label of desk.querySelectorAll("[data-say]")) {
    label.textContent = say(label.dataset.say);
  }
  for (const named of desk.querySelectorAll("[data-name]")) {
    named.setAttribute("aria-label", say(named.dataset.name));
  }
  delete part("stage").dataset.question;
}

function draw() {
  const value = props.value;
  if (value?.more) return view && receiveMore(value);
  if (!value?.open) return;
  // The second reply to an action that was sent twice may be older than what shows.
  if (view && value.reply && value.reply !== outgoing[0]?.seq) return;
  const before = view;
  view = value;
  // Every medium counts its revisions by itself.
  if (view.medium !== before?.medium) here.clear();
  for (const question of view.open)
    if (question.works) here.set(question.id, { ...question, revision: view.revision });
  ready = view.open.map((question) => question.id);
  for (const [id, question] of here) {
    if (ready.includes(id)) continue;
    // What was made after this answer was written is not yet in it.
    if (question.revision > view.revision && question.kind === view.mode) ready.push(id);
    else here.delete(id);
  }
  if (view.language !== before?.language) drawLabels();
  drawQuestion();
  drawAspects();
  drawSide();
  drawElsewhere();
  // In the store first, then on the screen: the word "saved" comes only from the server.
  if (view.status) status(view.status);
  desk.dataset.ready = "";
  takeFocus();
  settle();
  askForMore();
}

// Who came by clicking the tab has the focus on it, where space would press the tab again. Who came
// by keyboard stays where they are.
function takeFocus() {
  const active = document.activeElement;
  if (active?.matches("[role=tab]:not(:focus-visible)")) part("stage").focus({ preventScroll: true });
}

function light(target) {
  const button = target.closest?.(".rate-star");
  const row = button?.parentElement;
  for (const star of desk.querySelectorAll(".rate-star[data-hover]")) delete star.dataset.hover;
  if (!button) return (part("meaning").textContent = "");
  for (const star of row.children) {
    star.dataset.hover = "";
    if (star === button) break;
  }
  const stars = button.dataset.choice ?? "";
  part("meaning").textContent = stars ? say(`stars.${stars}`) : "";
}

desk.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !view || (held && event.detail === 0)) return;
  const { choice, aspect, stars, mode, elsewhere } = button.dataset;
  if (choice) answer(choice);
  else if (aspect) {
    const again = aspects[aspect] === Number(stars);
    aspects = { ...aspects, [aspect]: Number(stars) };
    if (again) delete aspects[aspect];
    drawAspects();
    part("aspects").querySelector(`[data-aspect="${aspect}"][data-stars="${stars}"]`).focus();
  } else if (mode && mode !== view.mode) tell({ act: "mode", mode });
  else if (elsewhere != null) tell({ act: "elsewhere", wanted: !view.elsewhere.text });
  else if (button.dataset.part === "undo") undo();
  else if (button.dataset.part === "door") studio.go("tab-teach-button");
});
desk.addEventListener("pointerover", (event) => light(event.target));
desk.addEventListener("pointerleave", () => light(desk));
desk.addEventListener("focusin", (event) => light(event.target));

// Other keys are the page's business: it clicks whatever carries data-key. A key held down must not
// rate a row of works unseen.
let held = false;
function key(event) {
  if (!desk.isConnected) return document.removeEventListener("keydown", key, true);
  held = event.repeat;
  const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
  if (!isUndo || !desk.offsetParent || event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  if (!held) undo();
}
document.addEventListener("keydown", key, true);

watch("value", draw);
draw();
