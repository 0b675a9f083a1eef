// Buttons, sliders, keys and panels: every action has a name, most have a key, and the help lists them all.

const root = find(".studio");
const tool = (name) => () => { hands.cancel(); hands.tool = name; };
const look = (share, wide) => () => picture.look(picture.level + share * picture.span, picture.span * wide);
const repaint = (change) => () => { change(); paint(); };
const cursorStep = (dx, dy) => () => hands.step(dx, dy);

const ACTIONS = {
  brush: tool("brush"), eraser: tool("eraser"), fill: tool("fill"), box: tool("box"), point: tool("point"), move: tool("move"),
  smaller: () => { hands.size = Math.max(1, hands.size - 1); },
  larger: () => { hands.size = Math.min(MAX_SIZE, hands.size + 1); },
  less: () => hands.fillLevel(hands.level + 0.05), more: () => hands.fillLevel(hands.level - 0.05),
  undo: () => hands.undo(), redo: () => hands.redo(), clear: () => hands.clear(), remove: () => hands.remove(),
  press: () => hands.press(), seek: () => hands.seek(),
  left: cursorStep(-1, 0), right: cursorStep(1, 0), up: cursorStep(0, -1), down: cursorStep(0, 1),
  farLeft: cursorStep(-10, 0), farRight: cursorStep(10, 0), farUp: cursorStep(0, -10), farDown: cursorStep(0, 10),
  in: () => zoomAtCursor(1.5), out: () => zoomAtCursor(1 / 1.5), fit: () => view.fit(), show: () => { view.shown = !view.shown; },
  darker: repaint(look(0.1, 1)), brighter: repaint(look(-0.1, 1)), harder: repaint(look(0, 0.8)), softer: repaint(look(0, 1.25)),
  auto: repaint(() => picture.auto()), full: repaint(() => picture.full()), invert: repaint(() => { picture.inverted = !picture.inverted; }),
  palette: () => { palette.selectedIndex = (palette.selectedIndex + 1) % palette.length; palette.onchange(); },
  label: () => { if (hands.selected < 0) hands.selected = hands.boxes.length - 1; showTools(); find(".box-label").focus(); },
  broad: () => form.text("caption_global").focus(), fine: () => form.text("caption_fine").focus(),
  tags: () => form.text("tags").focus(), quality: () => form.text("quality").focus(),
  question: () => find("[data-do=question]").click(),
  save, next: leave, skip: () => { if (reason.value) skip(); else { reason.focus(); reason.showPicker?.(); } },
  back, unsave, drop: dropDraft, suggest, gold: makeGold, review: () => startWith(true), answer: () => startWith(false),
  find: () => show("Find", "find", {}), history: () => show("History", "history", { item: item?.id }),
  overview: () => show("Progress", "overview", {}), team: () => show("Team", "team", {}),
  alike: async () => {
    tell("Looking for similar images.");
    await show("Images like this one", "alike", { item: item.id }, MODEL_PATIENCE);
    find(".note").replaceChildren();
  },
  help: () => { panelBody("Keyboard", node("div", { className: "keys" }, ...helpNodes())); },
  close: () => panel.close(),
};
const ANYWHERE = ["find", "overview", "team", "review", "answer", "help", "close", "back", "unsave", "next"]; // need no item on the desk

const KEYS = {
  Drawing: [["b", "brush", "Brush"], ["e", "eraser", "Eraser (or the right mouse button)"], ["[", "smaller", "Smaller brush"],
    ["]", "larger", "Larger brush"], ["f", "fill", "Fill the target under a click"], [",", "more", "Fill more, the last fill too"],
    [".", "less", "Fill less, the last fill too"], ["r", "box", "Box (rectangle)"], ["l", "label", "Label of the last box"],
    ["t", "point", "Point"], ["Delete", "remove", "Remove the box or point under the cursor"],
    ["Ctrl+z", "undo", "Undo"], ["Ctrl+Shift+z", "redo", "Redo"]],
  "Without a mouse": [["ArrowLeft", "left", "Cursor by one pixel"], ["ArrowRight", "right", ""], ["ArrowUp", "up", ""], ["ArrowDown", "down", ""],
    ["Shift+ArrowLeft", "farLeft", "Cursor by ten pixels"], ["Shift+ArrowRight", "farRight", ""], ["Shift+ArrowUp", "farUp", ""],
    ["Shift+ArrowDown", "farDown", ""], ["g", "seek", "Cursor to what stands out most in sight and is not masked"],
    ["Enter", "press", "Paint, fill or set a point at the cursor; a box takes one at each corner"]],
  Looking: [["+", "in", "Zoom in (or the wheel, or two fingers)"], ["=", "in", ""], ["-", "out", "Zoom out"], ["0", "fit", "Whole image"],
    ["h", "move", "Move the image (or hold Space and drag)"], ["m", "show", "Marks on and off"], ["1", "darker", "Level up"],
    ["2", "brighter", "Level down"], ["3", "harder", "Narrower window"], ["4", "softer", "Wider window"], ["a", "auto", "Window that suits the image"],
    ["Shift+a", "full", "Whole range"], ["i", "invert", "Polarity: white hot or black hot"], ["p", "palette", "Next palette"]],
  Words: [["c", "broad", "Global caption"], ["v", "fine", "Fine caption"], ["q", "question", "New question"], ["x", "tags", "Tags"],
    ["y", "quality", "Quality"], ["Escape", "close", "Back from words to the image"]],
  Items: [["Ctrl+Enter", "save", "Save and next, also while typing"], ["n", "next", "Next in the queue"], ["k", "skip", "Skip with a reason"],
    ["u", "back", "Back to my last item"], ["Shift+u", "unsave", "Undo my last save"], ["d", "drop", "Drop my draft"],
    ["s", "suggest", "Ask the models what they propose"], ["w", "review", "Review: decide where people answered apart"],
    ["/", "find", "Find"], ["Shift+s", "alike", "Images like this one"], ["Shift+h", "history", "History of this item"],
    ["o", "overview", "Progress"], ["Shift+t", "team", "Team: roles, projects"], ["?", "help", "These keys"]],
};
const BY_KEY = Object.fromEntries(Object.values(KEYS).flat().map(([key, name]) => [key, name]));

function act(name) {
  if (!item && !ANYWHERE.includes(name)) return;
  ACTIONS[name]();
  showTools();
}

function zoomAtCursor(factor) {
  const at = hands.byKeys && hands.cursor ? view.screen(hands.cursor.x + 0.5, hands.cursor.y + 0.5) : [];
  view.zoom(factor, ...at);
  if (at.length) view.follow(hands.cursor);
}

function keyName(event) {
  const shifted = event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key));
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${shifted ? "Shift+" : ""}${key}`;
}

function onKey(event) {
  if (!element.isConnected) { for (const name of ["keydown", "keyup"]) document.removeEventListener(name, onKey); return; }
  if (!root.offsetParent || panel.open || event.altKey) return;
  if (event.type === "keyup") { if (event.key === " ") { hands.space = false; showTools(); } return; }
  const typing = event.target.closest?.("input:not([type=range]), textarea, select, [contenteditable=true]");
  const name = keyName(event);
  if (typing) {
    if (name === "Ctrl+Enter") { event.preventDefault(); act("save"); }
    else if (name === "Escape" && element.contains(event.target)) canvas.focus({ preventScroll: true });
    else if (name === "Enter" && event.target === reason && reason.value) skip();
    else if (name === "Enter" && event.target.matches(".box-label")) canvas.focus({ preventScroll: true });
    return;
  }
  if (event.key === " " && event.target === canvas) { event.preventDefault(); hands.space = true; showTools(); return; }
  const presses = name === "Enter" || name.startsWith("Arrow") || name.startsWith("Shift+Arrow");
  if (presses && event.target !== canvas) return; // buttons and sliders keep their own keys
  const action = name === "Ctrl+y" ? "redo" : BY_KEY[name];
  if (!action || action === "close") return;
  event.preventDefault();
  act(action);
}
for (const name of ["keydown", "keyup"]) document.addEventListener(name, onKey);

root.addEventListener("click", (event) => {
  const name = event.target.closest("[data-do]")?.dataset.do;
  if (name in ACTIONS && name !== "question") act(name);
});

// --- what the controls show

function paint() {
  picture.paint(PALETTES[palette.value]);
  level.value = 1000 * (picture.level - picture.least) / picture.reach;
  width.value = 1000 * Math.sqrt(picture.span / picture.reach); // fine where windows are narrow
  find(".window").textContent = `${picture.words(picture.low)} to ${picture.words(picture.high)}`;
  view.refresh();
}

for (const slider of [level, width]) slider.addEventListener("input", () => {
  if (!picture) return;
  picture.look(picture.least + (level.value / 1000) * picture.reach, (width.value / 1000) ** 2 * picture.reach);
  paint();
});

function showTools() {
  for (const button of element.querySelectorAll(".bar [data-do]")) {
    const name = button.dataset.do;
    if (["brush", "eraser", "fill", "box", "point", "move"].includes(name)) button.setAttribute("aria-pressed", hands.tool === name);
  }
  find("[data-do=show]").setAttribute("aria-pressed", view.shown);
  find("[data-do=invert]").setAttribute("aria-pressed", Boolean(picture?.inverted));
  find("[data-do=undo]").disabled = !hands.history.done.length;
  find("[data-do=redo]").disabled = !hands.history.undone.length;
  find("[data-do=clear]").disabled = !hands.mask?.count;
  find(".sized").hidden = !["brush", "eraser"].includes(hands.tool);
  find(".leveled").hidden = hands.tool !== "fill";
  find(".boxed").hidden = hands.selected < 0;
  find("[data-do=answer]").hidden = !reviewing;
  find(".size").textContent = `${hands.size} px`;
  find(".fill-level").value = hands.level;
  find(".fill-share").textContent = `${Math.round(100 * hands.level)} %`;
  if (document.activeElement !== find(".box-label")) find(".box-label").value = hands.boxes[hands.selected]?.label ?? "";
  canvas.classList.toggle("moving", hands.tool === "move" || hands.space);
  view.refresh();
}

view.drawn = () => {
  if (!item) return;
  const at = hands.cursor, { width: w, height: h } = picture;
  const inside = at && at.x >= 0 && at.y >= 0 && at.x < w && at.y < h;
  find(".where").textContent = inside ? `x ${at.x}, y ${at.y}: ${picture.readout(at.x, at.y)}` : `${w} × ${h} px`;
  find(".count").textContent = `${hands.mask.count} px masked · ${hands.boxes.length} boxes · ${hands.points.length} points · ${view.scale.toFixed(1)}×`;
};

find(".fill-level").addEventListener("input", (event) => hands.fillLevel(Number(event.target.value)));
find(".box-label").addEventListener("change", (event) => { hands.name(event.target.value.trim()); showTools(); });

for (const [name, action, words] of Object.values(KEYS).flat()) {
  const button = find(`button[data-do="${action}"]`);
  if (button && words && !button.title) button.title = `${words} (${name})`;
}

const choose = (select, values, first) => select.append(new Option(first, ""), ...values.map((value) => new Option(value, value)));
choose(reason, CHOICES.reasons, "Why skip?");
choose(form.text("quality"), CHOICES.qualities, "not judged");
find("#tag-list").append(...CHOICES.tags.map((tag) => new Option(tag, tag)));
for (const name of Object.keys(PALETTES)) palette.add(new Option(name, name));
try { palette.value = localStorage.getItem("studio-palette") || "ironbow"; } catch { palette.value = "ironbow"; }
if (palette.selectedIndex < 0) palette.selectedIndex = 0;
palette.onchange = () => {
  try { localStorage.setItem("studio-palette", palette.value); } catch { /* private browsing */ }
  if (picture) paint();
};

// --- panels: HTML made by the server; forms and buttons with data-call go back to it, data-open opens an item

function panelBody(title, ...nodes) {
  find("#panel-title").textContent = title;
  find(".body").replaceChildren(...nodes);
  if (!panel.open) panel.showModal();
}

async function show(title, name, payload, patience) {
  const answer = await ask(name, payload, patience), body = node("div");
  if (answer?.html) body.innerHTML = answer.html; // made and escaped by ui/editor/markup.py
  else if (panel.open) { find(".body").prepend(trouble(answer)); return; } // what was filled in stays
  else body.append(trouble(answer));
  if (answer?.projects) offerProjects(answer.projects);
  if (answer?.reopen && answer.reopen === item?.id) refreshItem = true;
  panelBody(title, body);
  (find(".body [autofocus]") ?? find(".body button"))?.focus();
}

const trouble = (answer) => node("p", { className: "trouble", role: "alert", textContent: answer?.error ?? "No connection to the studio." });

let refreshItem = false; // the open item was changed from a panel: open it again when the panel closes
panel.addEventListener("close", () => {
  if (refreshItem && item) go(item.id);
  refreshItem = false;
  canvas.focus({ preventScroll: true });
});

function offerProjects(list) {
  const chosen = projects.value;
  projects.replaceChildren(...list.map(({ id, name }) => new Option(name, id)));
  if (list.some(({ id }) => String(id) === chosen)) projects.value = chosen;
  projects.hidden = list.length < 2;
}
projects.addEventListener("change", () => { ahead = null; startWith(reviewing); });

async function fromPanel(source, more) {
  find(".body .trouble")?.remove();
  const payload = { ...JSON.parse(source.dataset.payload ?? "{}"), ...more };
  await show(find("#panel-title").textContent, source.dataset.call, payload, MODEL_PATIENCE); // bulk actions may take long
}

find(".body").addEventListener("click", (event) => {
  const opens = event.target.closest("[data-open]"), calls = event.target.closest("button[data-call]");
  if (opens) { event.preventDefault(); go(Number(opens.dataset.open)); }
  else if (calls) fromPanel(calls, { key: newKey() });
});
find(".body").addEventListener("submit", (event) => { event.preventDefault(); fromPanel(event.target, Object.fromEntries(new FormData(event.target))); });

function helpNodes() {
  return Object.entries(KEYS).map(([title, rows]) => node("section", {}, node("h4", { textContent: title }),
    node("dl", {}, ...rows.filter(([, , words]) => words).flatMap(([key, , words]) =>
      [node("dt", {}, node("kbd", { textContent: key.replace("ArrowLeft", "arrows").replace("Shift+arrows", "Shift+arrows") })), node("dd", { textContent: words })]))));
}

// --- begin when the tab is first seen: with the item in the address, else with the next one

async function begin() {
  const hello = await ask("hello");
  if (!hello) { tell("No connection to the studio: trying again."); setTimeout(begin, 2000); return; }
  find(".note").replaceChildren();
  outbox.who = hello.who;
  offerProjects(hello.projects);
  showRole(hello.role);
  await outbox.flush(); // what waited since the last visit comes first
  const wanted = Number(new URLSearchParams(window.location.search).get("item"));
  const first = wanted ? await call("open_item", { item: wanted }) : null;
  if (first) await open(first);
  else await next();
}

const ROLES = ["viewer", "refiner", "reviewer", "owner"];
function showRole(role) { // what a person may not do is not offered; the server checks it all the same
  for (const part of element.querySelectorAll("[data-for]")) part.hidden = ROLES.indexOf(role) < ROLES.indexOf(part.dataset.for);
}

let begun = false;
new ResizeObserver(() => {
  if (begun || !root.offsetParent) return;
  begun = true;
  showTools();
  begin();
}).observe(root);
