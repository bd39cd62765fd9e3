// Live slides of a chapter: a plain JupyterLab plugin, written by hand as the module container that JupyterLab loads, so that it
// needs no build step. jupyterlab-slideshow lays the slides out; this runs each cell when it is shown, fits a screen to the
// projector, and shows the presenter's notes. It acts only on notebooks that `k8snb present` has prepared (metadata.k8snb.slides).
(() => {
  const SMALLEST = 0.5; // a screen that is still too high at this scale scrolls
  const PICTURE = 410, EACH = 320; // pixels of the screen that a picture keeps, and each of several
  const CSS = `
body[data-jp-deck-mode=presenting]{--jp-content-font-size1:20px;--jp-code-font-size:17px;--jp-content-font-family:ui-sans-serif,system-ui,'Segoe UI','Noto Sans','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif}
body[data-jp-deck-mode=presenting] .jp-Deck.jp-NotebookPanel{left:0!important;right:0!important;place-content:start center!important;padding:10px 40px 40px!important;box-sizing:border-box}
body[data-jp-deck-mode=presenting] .jp-Deck .jp-Notebook{max-height:calc(100vh - 54px)!important;width:100%!important;overflow-x:hidden}
body[data-jp-deck-mode=presenting] .jp-Deck .jp-Cell.jp-deck-mod-onscreen{margin-bottom:6px}
body[data-jp-deck-mode=presenting] .jp-Deck .jp-InputArea-editor{background:#f5f8fa;border:1px solid #cfd8dd!important;border-radius:6px}
body[data-jp-deck-mode=presenting] .jp-Deck .cm-editor{max-height:640px}
body[data-jp-deck-mode=presenting] .jp-Deck .jp-RenderedMarkdown{padding-left:0}
body[data-jp-deck-mode=presenting] .jp-Deck .k8snb .picture svg{max-height:var(--k8snb-picture,470px);margin:auto}
body[data-jp-deck-mode=presenting] .jp-Deck .k8snb{max-width:none}
body[data-jp-deck-mode=presenting] .jp-Deck .k8snb aside{max-height:var(--k8snb-picture,470px)}
body[data-jp-deck-mode=presenting] .jp-Deck .jp-OutputArea-output pre{max-height:24em;overflow:auto}
body[data-jp-deck-mode=presenting] .jp-Deck .jp-OutputArea-output{padding-left:0}
body[data-jp-deck-mode=presenting] .jp-Deck .jp-Collapser,body[data-jp-deck-mode=presenting] .jp-Deck-DesignTools{display:none!important}
body[data-jp-deck-mode=presenting] .jp-Deck-Remote{opacity:.25;transition:opacity .15s}
body[data-jp-deck-mode=presenting] .jp-Deck-Remote:hover,body[data-jp-deck-mode=presenting] .jp-Deck-Remote:focus-within{opacity:1}
body[data-jp-deck-mode=presenting] .jp-Deck .jp-RenderedMarkdown>:last-child{margin-bottom:4px}
body[data-jp-deck-mode=presenting] .jp-Deck .widget-inline-hbox{height:auto}
body[data-jp-deck-mode=presenting] .jp-Deck .widget-radio-box input{margin-top:9px}
body[data-jp-deck-mode=presenting] .jp-Deck .widget-radio-box label{font-size:20px;line-height:1.5;height:auto}
body[data-jp-deck-mode=presenting] .jp-Deck .widget-radio,body[data-jp-deck-mode=presenting] .jp-Deck .widget-label{font-size:20px}
.k8snb-talk{position:fixed;left:0;right:0;bottom:0;z-index:9990;display:flex;gap:8px;align-items:center;padding:3px 150px 3px 10px;font:14px/1.4 var(--jp-ui-font-family);color:#5b6b75;background:#fff;opacity:.35;transition:opacity .15s}
.k8snb-talk:hover,.k8snb-talk:focus-within,.k8snb-talk.busy{opacity:1}
.k8snb-talk button{font:inherit;color:#1c2b33;background:#f5f8fa;border:1px solid #8fa0aa;border-radius:6px;padding:1px 9px;cursor:pointer}
.k8snb-talk button[aria-pressed=true]{background:#00527f;color:#fff}
.k8snb-talk :focus-visible{outline:3px solid #e69f00}
.k8snb-talk .line{flex:1;height:4px;border-radius:2px;background:#dde4e8;overflow:hidden}
.k8snb-talk .line div{height:100%;background:#00527f}
.k8snb-notes{position:fixed;left:10px;right:10px;bottom:40px;max-height:42vh;overflow:auto;z-index:9991;background:#fffbe9;border:2px solid #d9b84a;border-radius:8px;padding:6px 16px;font:18px/1.5 var(--jp-content-font-family);color:#1c2b33;box-shadow:0 4px 18px #0003}
.k8snb-notes[hidden]{display:none}
`;
  const NOTES_CSS = "body{font:20px/1.5 ui-sans-serif,system-ui,'Segoe UI','Noto Sans','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;margin:1em 1.5em;color:#1c2b33}header,footer{color:#5b6b75;font-size:16px}";

  let shared = {};
  const load = async (name) => {
    const versions = Object.values(shared[name] ?? {});
    const found = versions.find((v) => v.loaded) ?? versions[0];
    return (await found.get())();
  };
  const make = (tag, props = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };

  const present = async (app, panel) => {
    await panel.context.ready;
    const words = panel.content.model?.getMetadata("k8snb")?.slides;
    if (!words) return;
    await panel.sessionContext.ready;
    const { NotebookActions } = await load("@jupyterlab/notebook");
    const notebook = panel.content;
    const meta = (i) => notebook.widgets[i]?.model.getMetadata("slideshow")?.slide_type;
    const starts = () => notebook.widgets.map((_, i) => i).filter((i) => i === 0 || ["slide", "subslide"].includes(meta(i)));
    const screen = () => { const all = starts(); let at = 0; while (at + 1 < all.length && all[at + 1] <= notebook.activeCellIndex) at++; return { all, at, first: all[at] }; };

    document.head.append(make("style", { textContent: CSS }));
    const said = make("span");
    const fill = make("div");
    const button = (name, key, act) => {
      const found = make("button", { type: "button", textContent: words[name], title: words[`${name}.title`] ?? "", onclick: act });
      if (key) found.setAttribute("aria-keyshortcuts", key);
      return found;
    };
    const notes = make("div", { className: "k8snb-notes", hidden: true });
    notes.setAttribute("role", "note");
    let view = null, begun = 0, running = false;
    const toggle = () => { notes.hidden = !notes.hidden; noting.setAttribute("aria-pressed", !notes.hidden); };
    const noting = button("notes", "n", toggle);
    const openWindow = () => {
      view = window.open("", "k8snb-notes", "width=760,height=560");
      if (!view) return;
      view.document.title = words.notes;
      view.document.head.replaceChildren(Object.assign(view.document.createElement("style"), { textContent: NOTES_CSS }));
      begun ||= Date.now();
      show();
    };
    const bar = make("div", { className: "k8snb-talk" }, noting, button("window", "w", openWindow), button("run", "r", () => runTo(notebook.widgets.length - 1)), said, make("div", { className: "line" }, fill));
    bar.setAttribute("role", "toolbar");
    document.body.append(bar, notes);

    const title = (i) => (notebook.widgets[i]?.model.sharedModel.getSource().match(/^#+ (.*)$/m) ?? [])[1] ?? "";
    const show = () => {
      const { all, at, first } = screen();
      said.textContent = running ? words.running : words.screen.replace("{at}", at + 1).replace("{count}", all.length);
      bar.classList.toggle("busy", running);
      fill.style.width = `${(100 * (at + 1)) / all.length}%`;
      const told = notebook.widgets[first]?.model.getMetadata("k8snb")?.notes ?? [];
      const html = told.join("") || `<p>${words.none}</p>`;
      if (notes.dataset.at !== String(first)) { notes.dataset.at = first; notes.innerHTML = html; notes.scrollTop = 0; }
      if (view && !view.closed) {
        const next = all.slice(at + 1).map(title).find(Boolean) ?? "";
        const minutes = Math.floor((Date.now() - begun) / 60000);
        view.document.body.innerHTML = "";
        const header = Object.assign(view.document.createElement("header"), { textContent: `${said.textContent} · ${words.time.replace("{minutes}", minutes)}` });
        const body = Object.assign(view.document.createElement("main"), { innerHTML: html });
        const footer = Object.assign(view.document.createElement("footer"), { textContent: next && words.next.replace("{title}", next) });
        view.document.body.append(header, body, footer);
      }
    };

    // Fit: the cells of a screen, shown or still to come. Pictures give way first, down to a height at which they can still be
    // read; then everything is scaled.
    const visible = () => notebook.widgets.filter((cell) => cell.hasClass("jp-deck-mod-onscreen"));
    let fitting = 0;
    const fit = () => {
      fitting = 0;
      const room = window.innerHeight - 64;
      const cells = visible();
      if (!cells.length) return;
      const size = (nodes) => nodes.reduce((sum, node) => sum + node.getBoundingClientRect().height, 0);
      const nodes = cells.map((cell) => cell.node);
      const high = (scale) => {
        for (const node of nodes) node.style.zoom = scale;
        const cap = (pixels) => notebook.node.style.setProperty("--k8snb-picture", `${Math.round(pixels / scale)}px`);
        cap(room);
        const drawn = nodes.flatMap((node) => [...node.querySelectorAll(".k8snb .picture > svg")]);
        if (drawn.length) cap(Math.max((drawn.length > 1 ? EACH : PICTURE) * Math.sqrt(scale), (room - (size(nodes) + 6 * nodes.length - size(drawn))) / drawn.length));
        return size(nodes) + 6 * nodes.length;
      };
      let scale = 1;
      while (high(scale) > room + 1 && scale > SMALLEST) scale = Math.max(SMALLEST, scale * 0.95);
      document.body.dataset.k8snbScale = scale.toFixed(2);
      document.body.dataset.k8snbOver = Math.max(0, Math.round(high(scale) - room));
    };
    const fitSoon = () => { if (!fitting) fitting = requestAnimationFrame(fit); };
    const watch = new ResizeObserver(fitSoon);
    const observe = () => { watch.disconnect(); for (const cell of visible()) watch.observe(cell.node); };
    window.addEventListener("resize", fitSoon);

    // Running: everything up to a cell that has not run yet, in order.
    const wants = (cell) => cell?.model.type === "code" && cell.model.executionCount === null;
    const runTo = async (last) => {
      if (running) return;
      running = true;
      show();
      try {
        for (let i = 0; i <= last; i++) {
          if (!wants(notebook.widgets[i])) continue;
          if (!(await NotebookActions.runCells(notebook, [notebook.widgets[i]], panel.sessionContext))) break;
        }
      } finally { running = false; show(); fitSoon(); }
      await panel.context.save().catch(() => undefined);
    };
    const quiet = (cell) => /predict\(|%load_ext/.test(cell.model.sharedModel.getSource());
    const go = async (direction, alternate) => {
      await app.commands.execute("deck:go", { direction, alternate });
      const cell = notebook.activeCell;
      if (direction === "down" && wants(cell) && quiet(cell)) await runTo(notebook.activeCellIndex);
    };
    const advance = async () => { if (wants(notebook.activeCell)) await runTo(notebook.activeCellIndex); else await go("down", "forward"); };
    const retreat = () => go("up", "back");

    const where = ".jp-Deck.jp-NotebookPanel .jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) :focus";
    const bind = (id, keys, execute) => {
      app.commands.addCommand(`k8snb-present:${id}`, { label: words[id] ?? id, execute });
      for (const key of keys) app.commands.addKeyBinding({ command: `k8snb-present:${id}`, keys: [key], selector: where });
    };
    bind("advance", ["Space", "Shift Enter"], advance);
    bind("retreat", ["Shift Space"], retreat);
    bind("notes", ["N"], toggle);
    bind("window", ["W"], openWindow);
    window.addEventListener("keydown", (event) => { // what a clicker sends, wherever the focus is
      const act = { PageDown: advance, PageUp: retreat }[event.key];
      if (!act || document.body.dataset.jpDeckMode !== "presenting") return;
      event.preventDefault(); event.stopPropagation();
      void act();
    }, true);

    // The deck focuses its cell whenever the notebook changes, also by a picture: what a reader has focused in a picture keeps it.
    let held = null;
    const release = () => { held = null; };
    window.addEventListener("pointerdown", (event) => { if (!event.target.closest?.(".jp-OutputArea")) release(); }, true);
    window.addEventListener("keydown", (event) => { if (["Tab", "Escape", "PageDown", "PageUp"].includes(event.key)) release(); }, true);
    notebook.node.addEventListener("focusin", (event) => {
      if (event.target.closest(".jp-OutputArea")) held = event.target;
      else if (held?.isConnected && event.target.classList.contains("jp-Cell") && event.target.contains(held)) held.focus({ preventScroll: true });
    });

    const changed = () => { observe(); fitSoon(); show(); };
    notebook.activeCellChanged.connect(() => setTimeout(changed, 30));
    panel.sessionContext.statusChanged.connect((_, status) => {
      if (status === "restarting") for (const cell of notebook.widgets) if (cell.model.type === "code") cell.model.executionCount = null;
    });
    panel.disposed.connect(() => { bar.remove(); notes.remove(); watch.disconnect(); });
    new MutationObserver(() => { const on = document.body.dataset.jpDeckMode === "presenting"; bar.hidden = !on; bar.style.display = on ? "" : "none"; if (!on) { notes.hidden = true; for (const cell of notebook.widgets) cell.node.style.zoom = ""; } })
      .observe(document.body, { attributes: true, attributeFilter: ["data-jp-deck-mode"] });
    setInterval(show, 30000);

    if (document.body.dataset.jpDeckMode !== "presenting") await app.commands.execute("deck:start");
    notebook.activeCellIndex = 0;
    notebook.mode = "command";
    notebook.activeCell?.node.focus();
    document.body.dataset.k8snbPresenting = "true";
    changed();
  };

  const plugin = {
    id: "k8snb-present:plugin",
    autoStart: true,
    activate: (app) => {
      const begun = new WeakSet();
      const look = () => {
        const panel = app.shell.currentWidget;
        if (!panel?.content?.widgets || !panel.sessionContext || begun.has(panel)) return;
        begun.add(panel);
        present(app, panel).catch((error) => console.error("k8snb-present", error));
      };
      app.restored.then(() => { look(); app.shell.currentChanged?.connect(look); });
    },
  };
  (window._JUPYTERLAB ??= {})["k8snb-present"] = {
    init: (scope) => { shared = scope; },
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
