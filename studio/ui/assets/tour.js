// The tour: a small page beside the thing it speaks of. Nothing is locked meanwhile: what it speaks
// of can be tried, with its key too.
window.studioTour = (() => {
  const SEEN = "latent-studio.tour";
  const NARROW = matchMedia("(max-width: 760px)");
  const TOUCHED = matchMedia("(hover: none)");
  const GAP = 14; // pixels between a thing and what is said of it
  let seen = false; // where storage is forbidden, at least until the page is left
  let card = null;
  let ring = null;
  let here = null; // the thing that is pointed at
  let cameFrom = null;

  const isSeen = () => {
    try {
      return seen || localStorage.getItem(SEEN) !== null;
    } catch {
      return seen;
    }
  };
  const remember = () => {
    seen = true;
    try {
      localStorage.setItem(SEEN, "seen");
    } catch {} // nothing to do about it
    invite();
  };
  const invite = () => {
    for (const one of document.querySelectorAll(".tour-invite")) one.hidden = isSeen();
  };

  const steps = () => [...document.querySelectorAll("#studio-tour-steps > li")];
  const pointedAt = (step) => {
    const found = step && document.querySelector(step.dataset.at);
    return found?.checkVisibility() ? found : null;
  };

  function start() {
    remember();
    end();
    cameFrom = document.activeElement;
    const first = document.querySelector("#studio-tabs [role=tab]");
    if (first?.getAttribute("aria-selected") !== "true") first?.click();
    ring = document.createElement("i");
    ring.className = "tour-ring";
    card = document.createElement("section");
    card.id = "studio-tour";
    card.setAttribute("role", "dialog");
    card.addEventListener("keydown", onKey);
    card.addEventListener("click", ({ target }) => {
      const to = target.closest("[data-to]")?.dataset.to;
      if (to) go(Number(to));
    });
    document.body.append(ring, card);
    watcher.observe(document.body);
    addEventListener("resize", place);
    go(0);
  }

  function end() {
    if (!card) return;
    const hadFocus = card.contains(document.activeElement);
    watcher.disconnect();
    removeEventListener("resize", place);
    document.body.style.paddingBottom = "";
    card.remove();
    ring.remove();
    card = ring = here = null;
    if (!hadFocus) return;
    const help = document.querySelector("[data-act=keys]");
    (cameFrom?.isConnected && cameFrom.checkVisibility() ? cameFrom : help)?.focus();
  }

  function go(index) {
    const all = steps();
    const way = index < Number(card.dataset.at) ? -1 : 1;
    // What the page does not show is passed by.
    while (all[index] && !pointedAt(all[index])) index += way;
    const step = all[index];
    if (!step) return way > 0 && end();
    const words = document.getElementById("studio-tour-steps").dataset;
    here = pointedAt(step);
    card.dataset.at = index;
    const number = words.label.replace("{step}", index + 1).replace("{steps}", all.length);
    card.setAttribute("aria-label", number);
    const isLast = index === all.length - 1;
    const key = step.dataset.keyShown;
    const button = (to, label, kind) => {
      const made = document.createElement("button");
      Object.assign(made, { type: "button", className: kind, textContent: label });
      made.dataset.to = to;
      return made;
    };
    const row = document.createElement("div");
    row.append(button(isLast ? all.length : index + 1, isLast ? words.done : words.next, "primary"));
    if (index) row.append(button(index - 1, words.back, ""));
    if (!isLast) row.append(button(all.length, words.skip, "skip"));
    const count = document.createElement("span");
    count.className = "tour-count";
    count.setAttribute("aria-hidden", "true");
    count.textContent = `${index + 1} / ${all.length}`;
    const [title, text] = [...step.children].map((child) => child.cloneNode(true));
    // A heading that is new and has the focus is read out, and what it is described by after it.
    title.tabIndex = -1;
    title.setAttribute("aria-describedby", "studio-tour-text");
    text.id = "studio-tour-text";
    for (const one of (!TOUCHED.matches && key?.split(" ")) || []) {
      const sign = document.createElement("kbd");
      sign.textContent = one;
      text.append(" ", sign);
    }
    // The framework keeps rules for widths to what lies inside of it.
    card.classList.toggle("is-narrow", NARROW.matches);
    card.replaceChildren(count, title, text, row);
    scrollThere();
    place();
    title.focus({ preventScroll: true });
  }

  function onKey(event) {
    const at = Number(card.dataset.at);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowRight") go(at + 1);
    else if (event.key === "ArrowLeft") go(at - 1);
    else if (event.key === "Enter" && event.target.matches("h2")) go(at + 1);
    else return;
    event.preventDefault();
  }

  function scrollThere() {
    // The last things of the page come up from under it too.
    document.body.style.paddingBottom = NARROW.matches ? `${card.offsetHeight}px` : "";
    const box = here.getBoundingClientRect();
    const room = innerHeight - (NARROW.matches ? card.offsetHeight + GAP : 0);
    if (box.top >= GAP && box.bottom <= room - GAP) return;
    // What is larger than the window is shown from its beginning.
    const top = Math.max((room - box.height) / 2, GAP);
    scrollTo({ top: scrollY + box.top - top, behavior: "instant" });
  }

  // Both lie in the page, not in the window, so that they go along when it is scrolled.
  function place() {
    if (!card || !here?.isConnected) return card && again();
    const box = here.getBoundingClientRect();
    const set = (node, x, y) =>
      Object.assign(node.style, { left: `${x + scrollX}px`, top: `${y + scrollY}px` });
    set(ring, box.left, box.top);
    Object.assign(ring.style, { width: `${box.width}px`, height: `${box.height}px` });
    if (NARROW.matches) return Object.assign(card.style, { left: "", top: "" });
    const [wide, high] = [card.offsetWidth, card.offsetHeight];
    const [width, height] = [document.documentElement.clientWidth, innerHeight];
    const within = (value, most) => Math.min(Math.max(value, GAP), most - GAP);
    const x = within(box.left + box.width / 2 - wide / 2, width - wide);
    const y = within(box.top + box.height / 2 - high / 2, height - high);
    const places = [
      [box.left - wide - GAP, y],
      [box.right + GAP, y],
      [x, box.bottom + GAP],
      [x, box.top - high - GAP],
    ];
    const fits = ([left, top]) =>
      left >= GAP && top >= GAP && left + wide <= width - GAP && top + high <= height - GAP;
    set(card, ...(places.find(fits) ?? [width - wide - 2 * GAP, height - high - 2 * GAP]));
  }
  // What was pointed at has been drawn anew.
  function again() {
    here = pointedAt(steps()[card.dataset.at]);
    if (here) place();
  }
  const watcher = new ResizeObserver(() => place());

  document.addEventListener("click", ({ target }) => {
    const { tour } = target.closest("[data-tour]")?.dataset ?? {};
    if (tour === "start") {
      document.querySelector("dialog[open]")?.close();
      start();
    } else if (tour === "no") {
      remember();
      document.querySelector("[data-act=keys]")?.focus();
    }
    // Whatever was pressed may have drawn the thing anew.
    if (card) requestAnimationFrame(place);
  });

  return { invite, end, isOpen: () => card !== null };
})();
