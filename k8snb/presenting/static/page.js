// The page of an exported chapter: mounts recorded pictures, takes guesses, and turns the screens of slides.

const data = JSON.parse(document.getElementById("k8snb-data").textContent);
const say = (name, values = {}) => data.words[name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");

// Pictures

for (const figure of document.querySelectorAll("figure[data-recording]")) {
  const model = recordedModel(data.recordings[Number(figure.dataset.recording)], data.texts);
  const holder = document.createElement("div");
  figure.replaceChildren(holder);
  render({ model, el: holder });
}

// Predictions: an answer shows itself when the reader has guessed, or asks for it

const guesses = new Map();
const showAnswer = (node) => {
  const { of, right, actual } = node.dataset;
  const guess = guesses.get(of);
  node.classList.remove("right", "wrong");
  if (guess) {
    const good = right !== "" && Number(right) === guess.index;
    node.classList.add(good ? "right" : "wrong");
    node.textContent = `${good ? "✓" : "✗"} ${say(good ? "right" : "wrong", { guess: guess.word, actual })}`;
  } else if (node.dataset.open) {
    node.textContent = `• ${say("answer", { actual })}`;
  } else {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = say("reveal");
    button.addEventListener("click", () => { node.dataset.open = "yes"; showAnswer(node); });
    const told = document.createElement("span");
    told.className = "for-print";
    told.textContent = ` • ${say("answer", { actual })}`;
    node.replaceChildren(`? ${say("first")} `, button, told);
  }
};
const answers = [...document.querySelectorAll(".answer")];
answers.forEach(showAnswer);
for (const field of document.querySelectorAll(".prediction")) {
  field.addEventListener("change", (event) => {
    const chosen = event.target;
    guesses.set(field.dataset.number, { index: Number(chosen.value), word: chosen.parentElement.textContent.trim() });
    answers.filter((node) => node.dataset.of === field.dataset.number).forEach(showAnswer);
  });
}

// Slides

const SMALLEST = 0.5; // a screen that is still too high at this scale scrolls
const PICTURE = 410, EACH = 320; // pixels of a 720 pixel screen that a picture keeps, and each of several
const WIDE = 1280, HIGH = 720, ROOM = 656;

if (data.kind === "slides") {
  const deck = document.querySelector(".deck");
  const all = [...deck.querySelectorAll(".screen")];
  const fitted = new WeakSet();
  const size = (nodes) => nodes.reduce((sum, node) => sum + node.offsetHeight, 0);
  const fit = (screen) => {
    const inner = screen.querySelector(".inner");
    const drawn = [...inner.querySelectorAll(".k8snb .picture, .k8snb-still")];
    const high = (scale) => {
      inner.style.zoom = scale;
      const room = ROOM / scale;
      const cap = (pixels) => inner.style.setProperty("--picture", `${Math.floor(pixels)}px`);
      cap(room);
      if (drawn.length) cap(Math.max((drawn.length > 1 ? EACH : PICTURE) / Math.sqrt(scale), (room - (inner.scrollHeight - size(drawn))) / drawn.length));
      return inner.scrollHeight * scale;
    };
    let scale = 1;
    while (high(scale) > ROOM + 1 && scale > SMALLEST) scale = Math.max(SMALLEST, scale * 0.96);
    screen.dataset.scale = scale.toFixed(2);
    screen.dataset.over = Math.max(0, Math.round(inner.scrollHeight * scale - ROOM));
    fitted.add(screen);
  };
  let at = 0, shown = 0;
  const fragments = (i) => [...all[i].querySelectorAll(".fragment")];
  const bar = document.createElement("nav");
  bar.className = "turn";
  bar.setAttribute("aria-label", say("bar"));
  const button = (label, title, act, key) => {
    const found = document.createElement("button");
    Object.assign(found, { type: "button", textContent: label, title, onclick: act });
    if (label.length === 1) found.setAttribute("aria-label", title);
    if (key) found.setAttribute("aria-keyshortcuts", key);
    bar.append(found);
    return found;
  };
  const counter = document.createElement("output");
  const line = document.createElement("div");
  line.className = "line";
  line.append(document.createElement("div"));
  const show = () => {
    all.forEach((screen, i) => { screen.classList.toggle("now", i === at); screen.inert = i !== at; });
    if (!fitted.has(all[at])) fit(all[at]);
    fragments(at).forEach((cell, i) => { cell.classList.toggle("seen", i < shown); cell.inert = i >= shown; });
    counter.textContent = say("screen", { at: at + 1, count: all.length });
    line.firstChild.style.width = `${(100 * (at + 1)) / all.length}%`;
    noted.disabled = !all[at].querySelector(".notes");
    if (location.hash !== `#${at + 1}`) history.replaceState(null, "", `#${at + 1}`);
  };
  const next = () => {
    if (shown < fragments(at).length) shown++;
    else if (at + 1 < all.length) { at++; shown = 0; }
    show();
  };
  const back = () => {
    if (shown > 0) shown--;
    else if (at > 0) { at--; shown = fragments(at).length; }
    show();
  };
  const jump = (to, whole = true) => { at = Math.min(Math.max(to, 0), all.length - 1); shown = whole ? fragments(at).length : 0; show(); };
  const notes = () => { document.body.classList.toggle("with-notes"); noted.setAttribute("aria-pressed", document.body.classList.contains("with-notes")); };
  const full = () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.());
  button("‹", say("back"), back, "ArrowLeft");
  button("›", say("next"), next, "ArrowRight");
  bar.append(counter, line);
  const noted = button(say("notes"), say("notes.title"), notes, "s");
  button(say("full"), say("full.title"), full, "f");
  document.body.append(bar);

  const scale = () => deck.style.setProperty("--scale", Math.min(innerWidth / WIDE, (innerHeight - 30) / (HIGH - 30)));
  addEventListener("resize", scale);
  scale();
  const keys = { ArrowRight: next, ArrowDown: next, " ": next, Enter: next, ArrowLeft: back, ArrowUp: back, Home: () => jump(0, false), End: () => jump(all.length - 1), s: notes, S: notes, f: full, F: full };
  addEventListener("keydown", (event) => { // what a clicker sends, wherever the focus is
    const act = { PageDown: next, PageUp: back }[event.key];
    if (act) { event.preventDefault(); event.stopPropagation(); act(); }
  }, true);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input,select,button,summary,a,.k8snb")) return;
    const act = event.key === " " && event.shiftKey ? back : keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  addEventListener("hashchange", () => jump(Number(location.hash.slice(1)) - 1 || 0));
  const rest = () => { const screen = all.find((s) => !fitted.has(s)); if (screen) { fit(screen); (window.requestIdleCallback ?? setTimeout)(rest); } else document.body.dataset.fitted = "all"; };
  addEventListener("beforeprint", () => all.filter((s) => !fitted.has(s)).forEach(fit));
  if (location.hash) jump(Number(location.hash.slice(1)) - 1 || 0); else show();
  rest();
}
document.body.dataset.ready = "yes";
