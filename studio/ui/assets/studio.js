// What every tab shares: gestures that reach Python one after another, keys, and the key sheet.
window.studio = (() => {
  const desks = {};
  const PATIENCE = 20000; // milliseconds until a server that does not answer is given up
  const REST = 60; // milliseconds without a gesture that count as rest

  // A desk sends gestures of one tab to Python. Only one message is under way at a time, so no
  // answer can overtake another; what happens meanwhile waits, and of a drag only the last place.
  function desk(name, send, rest) {
    let pending = [];
    let busy = false;
    let watchdog = 0;
    let resting = 0;
    const flush = () => {
      if (busy || !pending.length) return;
      busy = true;
      const gestures = pending;
      pending = [];
      send(gestures);
      watchdog = setTimeout(giveUp, PATIENCE);
    };
    // Whoever stands in line is not lost.
    const giveUp = () => {
      if (window.studioWaits()) watchdog = setTimeout(giveUp, PATIENCE);
      else done();
    };
    const done = () => {
      clearTimeout(watchdog);
      busy = false;
      flush();
    };
    const ask = (gesture) => {
      // Music that plays goes on while it is steered; silent, it is made when the hand lets go.
      if (gesture.live && window.melodyPlays) gesture = { ...gesture, heard: true };
      const last = pending[pending.length - 1];
      if (last && last.live && last.do === gesture.do) pending.pop();
      pending.push(gesture);
      flush();
    };
    const isWaiting = () => pending.length > 0;
    const isIdle = () => !busy && !isWaiting();
    // What only looks ahead (previews) is asked for once the hand is at rest.
    const moved = () => {
      clearTimeout(resting);
      resting = setTimeout(() => (isIdle() ? rest() : moved()), REST);
    };
    desks[name] = { ask, done, moved, isWaiting, isIdle };
  }

  // A part of a tab may have a desk of its own, and says so by data-desk.
  const deskOf = (element) =>
    desks[element.closest("[data-desk]")?.dataset.desk ?? element.closest("[role=tabpanel]")?.id];

  // Any element with data-do is a gesture: <button data-do="undo">; its other data go along.
  document.addEventListener("click", (event) => {
    const element = event.target.closest("[data-do]");
    if (!element || element.disabled || element.matches("input, select, form")) return;
    deskOf(element)?.ask({ ...element.dataset });
  });
  // A menu closes when something else is used.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  // Gradio puts tabs that do not fit into a menu, and there they have no ids: what it lists are the
  // tabs without a button of their own, in their order.
  const tabs = () =>
    window.gradio_config.components
      .filter(({ type }) => type === "tabitem")
      .map(({ props }) => `${props.elem_id}-button`);
  function go(id) {
    const button = document.getElementById(id);
    if (button) return button.click();
    const hidden = tabs().filter((name) => !document.getElementById(name));
    const entries = document.querySelectorAll("#studio-tabs .overflow-dropdown button");
    entries[hidden.indexOf(id)]?.click();
  }
  // data-go leads to another tab, or presses something else, by the id of its button.
  document.addEventListener("click", (event) => {
    const door = event.target.closest("[data-go]");
    if (door) go(door.dataset.go);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-do]");
    if (!form) return;
    event.preventDefault();
    deskOf(form)?.ask({ ...form.dataset, ...Object.fromEntries(new FormData(form)) });
    if (form.dataset.clear !== undefined) form.reset();
  });
  // A dial answers while it is dragged (live) and once more when it is let go.
  const dial = (live) => (event) => {
    const element = event.target;
    if (!element.matches("input[data-do], select[data-do]")) return;
    const value = element.type === "checkbox" ? element.checked : element.value;
    const gesture = { ...element.dataset, value };
    if (live) {
      if (element.type !== "range" || element.dataset.live === undefined) return;
      gesture.live = true;
    } else delete gesture.live;
    deskOf(element)?.ask(gesture);
  };
  document.addEventListener("input", dial(true));
  // A number beside a range follows the hand.
  document.addEventListener("input", ({ target }) => {
    const number = target.matches?.("[data-option]") && target.parentElement.querySelector("b");
    if (number) number.textContent = target.value;
  });
  document.addEventListener("change", dial(false));

  // Keys: whatever carries data-key (or, made by Gradio, the class key-…) in the visible tab is
  // clicked by that key.
  const visible = (element) => element.offsetParent !== null;
  const keyOf = (element) =>
    element.dataset.key ||
    [...element.classList].find((name) => name.startsWith("key-"))?.slice("key-".length);
  const keyed = () =>
    [...document.querySelectorAll('[data-key], [class*="key-"]')].filter(
      (element) => keyOf(element) && visible(element),
    );
  const typing = (element) =>
    element.matches?.("input:not([type=range]):not([type=checkbox]), textarea, select") ||
    element.isContentEditable;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || typing(event.target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) {
      if (event.altKey || event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      keyed().find((element) => keyOf(element) === (event.shiftKey ? "]" : "["))?.click();
      return;
    }
    // What lies under a dialog is not at hand.
    if (document.querySelector("dialog[open]")) return event.key === "?" && sheet(false);
    if (event.key === "?") return sheet(true);
    if (event.key === "Escape") {
      const menus = [...document.querySelectorAll("details.menu[open]")];
      for (const menu of menus) {
        const held = menu.contains(event.target);
        menu.open = false;
        if (held) menu.querySelector("summary").focus();
      }
      if (!menus.length) window.studioTour.end();
      return;
    }
    // Arrows belong to the dial, or go along the tabs, that have the focus.
    if (event.key.startsWith("Arrow") && event.target.matches?.("input[type=range]")) return;
    if (event.key.startsWith("Arrow") && event.target.matches?.("[role=tab]")) {
      const tabs = [...event.target.parentElement.querySelectorAll("[role=tab]")];
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      tabs.at((tabs.indexOf(event.target) + step) % tabs.length).focus();
      return;
    }
    // So do the keys that press what has the focus.
    if ([" ", "Enter"].includes(event.key) && event.target.matches?.("button, a, summary")) return;
    const element = keyed().find((candidate) => keyOf(candidate) === event.key);
    if (!element) return;
    event.preventDefault();
    if (!element.disabled) element.click();
  });

  const names = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "␣" };
  function sheet(open) {
    const dialog = document.getElementById("studio-keys");
    if (!dialog) return;
    if (!open || dialog.open) {
      if (dialog.open) dialog.close();
      return;
    }
    const list = dialog.querySelector("[data-keys]");
    list.replaceChildren();
    for (const element of keyed()) {
      const term = document.createElement("dt");
      const key = document.createElement("kbd");
      key.textContent = names[keyOf(element)] || keyOf(element);
      term.append(key);
      const meaning = document.createElement("dd");
      meaning.textContent =
        element.getAttribute("aria-label") || element.title || element.textContent.trim();
      list.append(term, meaning);
    }
    dialog.showModal();
  }

  // A file dropped anywhere on a tab goes to that tab's upload button.
  const upload = () =>
    [...document.querySelectorAll("[role=tabpanel] input[type=file]")].find((input) =>
      visible(input.closest("[role=tabpanel]")),
    );
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files") || !upload()) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  const calm = () => document.body.classList.remove("dropping");
  document.addEventListener("dragleave", (event) => event.relatedTarget || calm());
  document.addEventListener("drop", (event) => {
    calm();
    const input = upload();
    if (!event.dataTransfer.files.length || !input) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // A file made for a person: saved by the browser, never left on the server.
  function save({ name, data }) {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes]));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  // Another kind of artwork, as if it had been chosen in the header.
  function meet(medium) {
    const media = document.querySelector("[data-switch=medium]");
    media.value = medium;
    media.dispatchEvent(new Event("change", { bubbles: true }));
  }

  // A file that is too large for an answer: the server hands it to whoever the form says this is. In
  // a frame of its own, so that a refusal does not take the page's place.
  function fetchFile(form) {
    const name = "studio-files";
    if (!document.querySelector(`iframe[name=${name}]`)) {
      const frame = Object.assign(document.createElement("iframe"), { name, hidden: true });
      document.body.append(frame);
    }
    form.target = name;
    document.body.append(form);
    form.submit();
    form.remove();
  }

  return { desk, desks, fetchFile, go, meet, sheet, save };
})();
