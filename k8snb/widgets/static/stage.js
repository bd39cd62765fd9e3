// The stage: shows one SVG frame at a time, moves keyed groups from frame to frame, sends clicks and keys to Python.
// It knows no Kubernetes: what a frame shows and says is decided by k8snb.views.

const CSS = `
.k8snb{font-family:ui-sans-serif,system-ui,'Segoe UI','Noto Sans','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;color:#1c2b33;background:#fff;border:1px solid #b9c4cb;border-radius:8px;padding:8px;max-width:1560px;box-sizing:border-box}
.k8snb *{box-sizing:border-box}
.k8snb .bar{display:flex;flex-wrap:wrap;gap:6px;align-items:center;margin-bottom:8px;font-size:13px}
.k8snb button,.k8snb select,.k8snb input[type=search],.k8snb input[type=text]{font:inherit;color:#1c2b33;background:#f5f8fa;border:1px solid #8fa0aa;border-radius:6px;padding:3px 8px;min-height:30px;cursor:pointer}
.k8snb button:hover{background:#e6edf1}
.k8snb button[aria-pressed=true]{background:#00527f;color:#fff;border-color:#00527f}
.k8snb button:disabled{opacity:.5;cursor:default}
.k8snb :focus-visible{outline:3px solid #e69f00;outline-offset:1px}
.k8snb .time{display:flex;flex:1 1 300px;gap:8px;align-items:center;min-width:min(100%,290px)}
.k8snb .time input{flex:1;accent-color:#00527f;min-width:80px}
.k8snb .time output{white-space:nowrap;font-variant-numeric:tabular-nums}
.k8snb .past{background:#fff3cf;border:1px solid #d9b84a;border-radius:6px;padding:2px 8px}
.k8snb .kept{background:#eceff1;border:1px solid #b9c4cb;border-radius:6px;padding:2px 8px}
.k8snb .knobs{display:flex;flex-wrap:wrap;gap:6px 22px;align-items:center;margin-bottom:8px;font-size:13px}
.k8snb .bar:empty,.k8snb .knobs:empty,.k8snb>.hint:empty{display:none}
.k8snb .knobs label{display:flex;gap:8px;align-items:center;flex:0 1 auto}
.k8snb .knobs input{accent-color:#00527f;width:150px}
.k8snb .knobs output{min-width:5.5em;font-variant-numeric:tabular-nums;font-weight:600}
.k8snb>.hint{font-size:13px;color:#7a5b00;background:#fff3cf;border-radius:6px;padding:4px 8px;margin-bottom:8px}
.k8snb .body{display:flex;gap:10px;align-items:flex-start;flex-wrap:wrap}
.k8snb .picture{flex:3 1 760px;min-width:0;overflow-x:auto}
.k8snb .picture svg{display:block;height:auto}
.k8snb .picture svg .item{cursor:pointer;transition:transform .45s ease,opacity .3s}
.k8snb .picture svg .item.leaving{opacity:0;pointer-events:none}
.k8snb .picture svg .item.entering{opacity:0}
.k8snb .picture svg .item:focus{outline:none}
.k8snb .picture svg .item:focus-visible>rect:first-of-type,.k8snb .picture svg .item[aria-pressed=true]>rect:first-of-type{stroke:#e69f00;stroke-width:4;stroke-dasharray:none}
.k8snb input[aria-invalid=true]{border:2px solid #a33b00}
.k8snb .bar input.wide{flex:1 1 300px;cursor:text;font-family:ui-monospace,Consolas,'Noto Sans Mono','Noto Sans Mono CJK SC',monospace}
.k8snb .bar input[type=text]{cursor:text}
.k8snb .picture svg .item[data-drag]{cursor:grab;touch-action:none}
.k8snb .picture svg .item.over>rect:first-of-type{stroke:#e69f00;stroke-width:4;stroke-dasharray:none}
.k8snb .picture svg .carried{pointer-events:none}
.k8snb .picture svg .carried>rect{fill:#e69f00;stroke:#1c2b33}
.k8snb .picture svg .carried>text{fill:#1c2b33}
.k8snb.carrying,.k8snb.carrying .item{cursor:grabbing!important;user-select:none}
.k8snb aside{flex:2 1 340px;min-width:0;border:1px solid #b9c4cb;border-radius:6px;padding:8px;font-size:13px;max-height:560px;overflow:auto}
.k8snb aside h3{margin:0 0 6px;font-size:14px;display:flex;justify-content:space-between;gap:8px;align-items:center;overflow-wrap:anywhere}
.k8snb aside [role=tablist]{display:flex;gap:4px;margin-bottom:6px;flex-wrap:wrap}
.k8snb aside pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font:12px/1.45 ui-monospace,Consolas,'Noto Sans Mono','Noto Sans Mono CJK SC',monospace}
.k8snb aside ol{margin:0;padding:0;list-style:none}
.k8snb aside li{margin:0 0 6px;padding-left:1.5em;text-indent:-1.5em;line-height:1.45}
.k8snb aside li.problem{color:#a33b00;font-weight:600}
.k8snb aside li.hint{color:#00694f}
.k8snb aside li small{color:#5b6b75;font-weight:400;white-space:nowrap}
.k8snb aside li code{display:block;text-indent:0;margin-top:2px;padding:3px 6px;background:#f5f8fa;border-radius:4px;font:12px/1.45 ui-monospace,Consolas,'Noto Sans Mono','Noto Sans Mono CJK SC',monospace;overflow-wrap:anywhere;user-select:all}
.k8snb.projector aside li code{font-size:16px}
.k8snb .log{font:12px/1.5 ui-monospace,Consolas,'Noto Sans Mono',monospace;margin-top:8px;border-top:1px solid #b9c4cb;padding-top:6px;color:#1c2b33;min-height:1.5em;white-space:pre-wrap;overflow-wrap:anywhere}
.k8snb .sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.k8snb.projector .bar,.k8snb.projector .knobs,.k8snb.projector aside{font-size:17px}
.k8snb.projector aside pre,.k8snb.projector .log{font-size:16px}
.k8snb.projector aside{max-height:760px}
.k8snb.projector .picture{flex-basis:900px}
.k8snb .log:empty{display:none}
@media (prefers-reduced-motion:reduce){.k8snb .picture svg .item{transition:none}}
@media (forced-colors:active){.k8snb button[aria-pressed=true]{forced-color-adjust:none}}
`;

const PATIENCE = 5000; // ms without an answer before the reader is told why

const make = (tag, props = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};

const parse = (text) => new DOMParser().parseFromString(text, "image/svg+xml").documentElement;

// Turn what is shown into the next frame; groups with the same key move, others come and go.
export function morph(holder, text) {
  const next = document.importNode(parse(text), true);
  const now = holder.querySelector("svg");
  if (!now) { holder.replaceChildren(next); return; }
  for (const { name, value } of [...next.attributes]) now.setAttribute(name, value);
  now.querySelector(".still").replaceWith(next.querySelector(".still"));
  const stage = now.querySelector(".moving");
  const old = new Map();
  for (const item of stage.children) if (!item.classList.contains("leaving")) old.set(item.dataset.key, item);
  const fresh = [];
  let cursor = null;
  for (const item of [...next.querySelector(".moving").children]) {
    const known = old.get(item.dataset.key);
    if (!known) {
      item.classList.add("entering");
      stage.append(item);
      fresh.push(item);
      continue;
    }
    old.delete(item.dataset.key);
    for (const { name, value } of [...item.attributes]) if (name !== "class" && known.getAttribute(name) !== value) known.setAttribute(name, value);
    if (!item.hasAttribute("aria-pressed")) known.removeAttribute("aria-pressed");
    if (known.innerHTML !== item.innerHTML) known.replaceChildren(...item.childNodes);
    if (known.compareDocumentPosition(cursor ?? known) & Node.DOCUMENT_POSITION_FOLLOWING && !known.contains(document.activeElement)) stage.append(known);
    cursor = known;
  }
  for (const item of old.values()) {
    item.classList.add("leaving");
    item.removeAttribute("tabindex");
    setTimeout(() => item.remove(), 320);
  }
  requestAnimationFrame(() => requestAnimationFrame(() => fresh.forEach((item) => item.classList.remove("entering"))));
  setTimeout(() => fresh.forEach((item) => item.classList.remove("entering")), 120);
}

function render({ model, el }) {
  const words = () => model.get("strings");
  const send = (message) => model.send(message);
  let patience = 0;
  const ask = (message) => {
    send(message);
    clearTimeout(patience);
    patience = setTimeout(() => { hint.textContent = words().asleep; }, PATIENCE);
  };
  const answered = () => { clearTimeout(patience); hint.textContent = model.get("frame")?.holding ?? ""; };
  const root = make("div", { className: "k8snb" });
  const style = make("style", { textContent: CSS });
  const bar = make("div", { className: "bar", role: "toolbar" });
  const knobs = make("div", { className: "knobs" });
  const hint = make("div", { className: "hint", role: "status" });
  const picture = make("div", { className: "picture" });
  const side = make("aside", { hidden: true });
  const log = make("div", { className: "log" });
  const live = make("div", { className: "sr", role: "status", "aria-live": "polite" });
  root.append(style, bar, knobs, hint, make("div", { className: "body" }, picture, side), log, live);
  el.replaceChildren(root);

  let tab = "why", waiting = 0, curious = false;
  const controls = {};
  const button = (name, key) => {
    controls[name] = make("button", { type: "button", onclick: () => ask({ type: name }) });
    if (key) controls[name].setAttribute("aria-keyshortcuts", key);
    return controls[name];
  };
  const buildBar = () => {
    bar.replaceChildren();
    const wanted = model.get("controls");
    if (wanted.includes("step")) bar.append(button("step", "s"));
    if (wanted.includes("turn")) bar.append(button("turn", "t"));
    if (wanted.includes("run")) bar.append(button("run", "r"), button("settle", "e"));
    if (wanted.includes("play")) {
      bar.append(button("play", "p"));
      controls.speed = make("select", { onchange: (e) => ask({ type: "speed", value: Number(e.target.value) }) });
      for (const value of [0.5, 1, 2, 5, 10, 60]) controls.speed.append(make("option", { value, textContent: `${value}×` }));
      bar.append(controls.speed);
    }
    if (wanted.includes("reset")) bar.append(button("reset", "o"));
    if (wanted.includes("seek")) {
      controls.range = make("input", { type: "range", min: 0, max: 0, step: 1, oninput: (e) => ask({ type: "seek", revision: Number(e.target.value) }) });
      controls.output = make("output");
      bar.append(make("div", { className: "time" }, controls.range, controls.output));
      bar.append(button("now", "n"));
    }
    if (wanted.includes("filter")) {
      controls.filter = make("input", { type: "search", autocomplete: "off", oninput: (e) => { clearTimeout(waiting); const value = e.target.value; waiting = setTimeout(() => send({ type: "filter", value }), 150); } });
      controls.filter.setAttribute("aria-keyshortcuts", "f");
      controls.filter.classList.toggle("wide", wanted.includes("label"));
      bar.append(controls.filter);
    }
    if (wanted.includes("label")) {
      controls.label = make("input", { type: "text", autocomplete: "off", size: 22, onkeydown: (e) => {
        if (e.key !== "Enter" || e.isComposing) return;
        ask({ type: "label", value: e.target.value });
        e.target.value = "";
      } });
      controls.label.setAttribute("aria-keyshortcuts", "a");
      bar.append(controls.label);
    }
    if (!wanted.includes("recorded")) bar.append(button("projector", "j"), button("language", "l"));
    showWords();
  };
  const showWords = () => {
    const w = words();
    for (const name of ["step", "turn", "run", "settle", "reset", "now", "projector", "language"]) if (controls[name]) controls[name].textContent = w[name];
    for (const name of ["step", "turn", "run", "settle", "play", "reset", "now", "projector", "language"]) if (controls[name]) controls[name].title = w[`${name}.title`] ?? "";
    if (controls.speed) controls.speed.setAttribute("aria-label", w.speed);
    if (controls.range) controls.range.setAttribute("aria-label", w.timeline);
    if (controls.filter) { controls.filter.placeholder = w.filter; controls.filter.setAttribute("aria-label", w.filter); controls.filter.title = w["filter.title"]; }
    if (controls.label) { controls.label.placeholder = w.label; controls.label.setAttribute("aria-label", w.label); controls.label.title = w["label.title"]; }
    bar.setAttribute("aria-label", w.toolbar);
    side.setAttribute("aria-label", w.detail);
  };
  // Sliders of a frame: a moved one is sent when the last answer has come, so that only its newest place counts.
  const asked = new Map();
  const turn = (name, value) => {
    const open = asked.get(name);
    if (open) { open.wanted = value; return; }
    asked.set(name, { sent: value, wanted: value });
    ask({ type: "knob", name, value });
  };
  const showKnobs = (wanted) => {
    const names = wanted.map((k) => k.name).join();
    if (knobs.dataset.names !== names) {
      knobs.dataset.names = names;
      knobs.replaceChildren(...wanted.map((k) => make("label", {}, make("span"), make("input", { type: "range", step: 1, name: k.name,
        oninput: (e) => turn(k.name, Number(e.target.value)) }), make("output"))));
    }
    wanted.forEach((k, i) => {
      const [name, input, output] = knobs.children[i].children;
      const open = asked.get(k.name);
      asked.delete(k.name);
      if (open && open.wanted !== open.sent) { output.textContent = k.text; turn(k.name, open.wanted); return; }
      name.textContent = k.label; input.title = k.title ?? ""; output.textContent = k.text;
      input.min = k.min; input.max = k.max; input.value = k.value;
      input.setAttribute("aria-valuetext", k.text);
    });
  };
  const showFrame = () => {
    const frame = model.get("frame");
    if (!frame || !frame.svg) return;
    const w = words();
    morph(picture, frame.svg);
    answered();
    showKnobs(frame.knobs ?? []);
    root.classList.toggle("projector", !!frame.projector);
    if (controls.range) {
      controls.range.min = frame.first; controls.range.max = frame.last;
      if (document.activeElement !== controls.range || frame.live) controls.range.value = frame.revision;
      controls.output.textContent = frame.clock;
      controls.output.className = frame.live ? "" : frame.kept ? "kept" : "past";
      controls.range.setAttribute("aria-valuetext", frame.clock);
      controls.now.disabled = frame.live;
    }
    if (controls.play) {
      controls.play.textContent = frame.playing ? w.pause : w.play;
      controls.play.setAttribute("aria-pressed", frame.playing);
      controls.speed.value = String(frame.speed);
    }
    if (controls.projector) controls.projector.setAttribute("aria-pressed", !!frame.projector);
    if (controls.filter && frame.filter !== undefined) {
      if (document.activeElement !== controls.filter) controls.filter.value = frame.filter;
      controls.filter.setAttribute("aria-invalid", !!frame.invalid);
    }
    root.classList.toggle("holding", !!frame.holding);
    log.textContent = frame.log ?? "";
    live.textContent = frame.spoken ?? "";
    send({ type: "ack", number: frame.number });
  };
  const showDetail = () => {
    answered();
    const detail = model.get("detail");
    side.hidden = !detail || !detail.title;
    if (side.hidden) { side.replaceChildren(); return; }
    const ids = detail.tabs.map((t) => t.id);
    if (!ids.includes(tab)) tab = ids[0];
    const chosen = detail.tabs.find((t) => t.id === tab);
    const close = make("button", { type: "button", textContent: "×", title: words().close, onclick: () => send({ type: "select", ref: "" }) });
    close.setAttribute("aria-label", words().close);
    const tabs = make("div", { role: "tablist" }, ...detail.tabs.map((t) => {
      const b = make("button", { type: "button", textContent: t.label, onclick: () => { tab = t.id; showDetail(); side.querySelector(`[data-tab="${t.id}"]`).focus(); } });
      b.setAttribute("role", "tab"); b.setAttribute("aria-selected", t.id === tab); b.setAttribute("aria-pressed", t.id === tab); b.dataset.tab = t.id;
      return b;
    }));
    let content;
    if (chosen.facts) {
      content = make("ol", {}, ...chosen.facts.map((f) => {
        const item = make("li", { className: f.tone }, `${f.mark} ${f.text} `);
        if (f.when) item.append(make("small", { textContent: f.when }));
        if (f.code) item.append(make("code", { textContent: f.code }));
        return item;
      }));
    } else content = make("pre", { textContent: chosen.text });
    side.replaceChildren(make("h3", {}, make("span", { textContent: detail.title }), close), tabs, make("div", { role: "tabpanel", tabIndex: 0 }, content));
    // Under a tall picture the details may be out of sight: bring them in when the reader has asked for them.
    if (curious && side.getBoundingClientRect().top > innerHeight - 120) side.scrollIntoView({ block: "nearest" });
    curious = false;
  };
  const select = (target) => {
    const item = target.closest?.(".item");
    if (item) { curious = true; ask({ type: "select", ref: item.dataset.ref }); }
  };
  // Things that can be carried to others: a pointer that moves takes them along, where it lets go says what becomes of them.
  let carried = null, dropped = 0;
  const place = (e) => {
    const under = document.elementsFromPoint(e.clientX, e.clientY).map((n) => n.closest?.(".item[data-drop]")).find((n) => n && picture.contains(n));
    return under && under.dataset.drop !== carried.item.dataset.drop ? under : null;
  };
  const mark = (target) => {
    const wanted = target?.dataset.drop;
    for (const item of picture.querySelectorAll(".item[data-target]")) item.classList.toggle("over", item.dataset.drop === wanted);
  };
  const letGo = () => {
    carried?.ghost?.remove();
    mark(null);
    root.classList.remove("carrying");
    carried = null;
  };
  picture.addEventListener("pointerdown", (e) => {
    const item = e.target.closest?.(".item[data-drag]");
    if (item && e.button === 0) { carried = { item, x: e.clientX, y: e.clientY, ghost: null }; picture.setPointerCapture?.(e.pointerId); }
  });
  picture.addEventListener("pointermove", (e) => {
    if (!carried) return;
    if (!carried.ghost) {
      if (Math.hypot(e.clientX - carried.x, e.clientY - carried.y) < 5) return;
      carried.ghost = carried.item.cloneNode(true);
      for (const name of ["data-ref", "data-drop", "data-drag", "tabindex"]) carried.ghost.removeAttribute(name);
      carried.ghost.setAttribute("class", "carried");
      carried.ghost.setAttribute("aria-hidden", "true");
      picture.querySelector("svg").append(carried.ghost);
      root.classList.add("carrying");
    }
    const svg = picture.querySelector("svg"), scale = svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
    const at = new DOMMatrix(getComputedStyle(carried.item).transform);
    carried.ghost.style.transform = `translate(${at.e + (e.clientX - carried.x) * scale}px,${at.f + (e.clientY - carried.y) * scale}px)`;
    mark(place(e));
  });
  picture.addEventListener("pointerup", (e) => {
    if (!carried) return;
    const target = carried.ghost && place(e), what = carried.item.dataset.ref;
    if (carried.ghost) dropped = e.timeStamp;
    letGo();
    if (target) ask({ type: "drop", what, onto: target.dataset.drop });
  });
  picture.addEventListener("pointercancel", letGo);
  picture.addEventListener("click", (e) => {
    if (e.timeStamp - dropped < 50) return; // the end of a carrying, no click
    // a captured pointer clicks on the picture itself: ask what lies under it
    select(e.target.closest?.(".item") ? e.target : document.elementFromPoint(e.clientX, e.clientY) ?? e.target);
  });
  root.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const item = e.target.closest?.(".item");
    if (item && (e.key === "Enter" || e.key === " ")) { select(item); e.preventDefault(); e.stopPropagation(); return; }
    if (["INPUT", "SELECT"].includes(e.target.tagName)) { e.stopPropagation(); return; }
    if (item?.hasAttribute("data-drag") && (e.key === "Delete" || e.key === "Backspace")) { ask({ type: "remove", ref: item.dataset.ref }); e.preventDefault(); e.stopPropagation(); return; }
    if (item && ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"].includes(e.key)) {
      const all = [...picture.querySelectorAll(root.classList.contains("holding") ? ".item[data-target]" : ".item[tabindex]")];
      const step = e.key === "ArrowRight" || e.key === "ArrowDown" ? 1 : -1;
      const at = all.indexOf(item);
      all[at < 0 ? 0 : (at + step + all.length) % all.length]?.focus();
      e.preventDefault(); e.stopPropagation(); return;
    }
    if (e.key === "Escape") { letGo(); send({ type: "select", ref: "" }); e.stopPropagation(); return; }
    const found = Object.values(controls).find((c) => c.getAttribute?.("aria-keyshortcuts") === e.key.toLowerCase());
    if (found && !found.disabled) { if (found.tagName === "INPUT") found.focus(); else found.click(); e.preventDefault(); }
    e.stopPropagation();
  });

  buildBar(); showFrame(); showDetail();
  const onStrings = () => { showWords(); showFrame(); showDetail(); };
  model.on("change:frame", showFrame);
  model.on("change:detail", showDetail);
  model.on("change:strings", onStrings);
  return () => {
    model.off("change:frame", showFrame);
    model.off("change:detail", showDetail);
    model.off("change:strings", onStrings);
  };
}

export default { render };
