// A recorded stage: stands in for the kernel, and answers the stage's messages from what was recorded (see recording.py).
// `stage` is the module of stage.js, `texts` the parts that the recording's numbers mean.

const PACE = 900; // ms that a recorded frame is shown while it plays at 1×

function recordedModel(data, texts) {
  const listeners = new Map();
  const values = { controls: [...data.controls, "recorded"], strings: data.strings, detail: {}, frame: {} };
  const last = data.frames.length - 1;
  let at = data.at, selected = "", timer = 0, speed = 1;
  const knobs = (frame) => frame.asked ?? (frame.knobs ?? []).map((k) => k.value);
  const notify = (name) => (listeners.get(`change:${name}`) ?? []).forEach((f) => f());

  const draw = () => {
    const frame = data.frames[at];
    let svg = frame.svg.map((n) => texts[n]).join("");
    if (selected) svg = svg.replaceAll(`data-ref="${selected.replaceAll("&", "&amp;")}"`, (found) => `${found} aria-pressed="true"`);
    values.frame = {
      ...frame, svg, spoken: texts[frame.spoken] ?? "", playing: !!timer, speed, log: "", live: at === last, kept: false,
      first: data.frames[0].revision, last: data.frames[last].revision, number: 0,
    };
    notify("frame");
  };
  const detail = (ref) => {
    const found = data.details[ref];
    values.detail = found ? { ...found, tabs: found.tabs.map((tab) => ("text" in tab ? { ...tab, text: texts[tab.text] } : tab)) } : {};
    notify("detail");
  };
  const stop = () => { clearTimeout(timer); timer = 0; };
  const show = (index) => { at = Math.min(Math.max(index, 0), last); if (selected) { selected = ""; detail(""); } draw(); };
  const tick = () => {
    timer = 0;
    if (at < last) { timer = at + 1 < last ? setTimeout(tick, PACE / speed) : 0; show(at + 1); } else draw();
  };
  const find = (wanted) => data.frames.findIndex((frame) => knobs(frame).join() === wanted.join());

  const answer = {
    seek: ({ revision }) => { stop(); let best = 0; data.frames.forEach((f, i) => { if (f.revision <= revision) best = i; }); show(best); },
    now: () => { stop(); show(last); },
    step: () => { stop(); show(at < last ? at + 1 : 0); },
    reset: () => { stop(); show(data.way === "knobs" ? data.at : 0); },
    play: () => { if (timer) { stop(); draw(); return; } if (at >= last) at = 0; timer = setTimeout(tick, PACE / speed); draw(); },
    speed: ({ value }) => { speed = value; draw(); },
    knob: ({ name, value }) => {
      stop();
      const shown = data.frames[at];
      const wanted = (shown.knobs ?? []).map((k, i) => (k.name === name ? value : knobs(shown)[i]));
      const found = find(wanted);
      show(found < 0 ? at : found);
    },
    select: ({ ref }) => {
      const step = /^Step\/(\d+)$/.exec(ref);
      if (step && data.way === "knobs") at = Math.min(Math.max(Number(step[1]) - 1, 0), last);
      selected = ref && data.details[ref] ? ref : "";
      detail(selected);
      draw();
    },
  };
  const model = {
    get: (name) => values[name],
    send: (message) => answer[message.type]?.(message),
    on: (name, f) => listeners.set(name, [...(listeners.get(name) ?? []), f]),
    off: (name, f) => listeners.set(name, (listeners.get(name) ?? []).filter((g) => g !== f)),
    show,
  };
  draw();
  return model;
}
