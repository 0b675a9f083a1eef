// A mask editor for single pixels. Runs as the body of gr.HTML's js_on_load: element, props, watch and trigger are given,
// PALETTES (name -> 768 numbers) is put before it. What travels is integers only (labeling/masks.py):
// props.value = {item, version, key, size: [W, H], runs: [start, length, ...]}; props.image = data URI of the 8-bit view.
const find = (selector) => element.querySelector(selector);
const [root, canvas, stage, palette] = [".editor", "canvas", ".stage", ".palette"].map(find);
const screen = canvas.getContext("2d");
const TINT = [34, 211, 238]; // cyan: in none of the palettes
const MAX_SIZE = 64; // image pixels

let W = 0, H = 0, value = null, picture = "";
let mask = new Uint8Array(0), gray = new Uint8Array(0), count = 0;
let base = null, tint = null; // canvases of W x H
let scale = 1, left = 0, top = 0, fitted = true; // CSS pixels per image pixel, and where pixel (0, 0) lies
let tool = "brush", size = 1, shown = true, space = false, hover = null;
let undos = [], redos = [], stroke = null; // a stroke is the Set of pixel indices it flipped
const pointers = new Map();

// --- the mask

function flip(indices) {
  for (const i of indices) { mask[i] ^= 1; count += mask[i] ? 1 : -1; }
  const pixels = tint.getContext("2d").createImageData(1, 1);
  pixels.data.set([...TINT, 110]);
  for (const i of indices) {
    const x = i % W, y = (i - x) / W;
    if (mask[i]) tint.getContext("2d").putImageData(pixels, x, y);
    else tint.getContext("2d").clearRect(x, y, 1, 1);
  }
}

function runs() {
  const found = [];
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    const start = i;
    while (i < mask.length && mask[i]) i++;
    found.push(start, i - start);
  }
  return found;
}

// Pixels whose centre lies within a disc of this diameter; 1 is exactly one pixel.
function stamp(x, y, set) {
  const radius = size / 2, shift = size % 2 ? 0 : 0.5, reach = Math.ceil(radius);
  const changed = [];
  for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) {
    const px = x + dx, py = y + dy;
    if ((dx + shift) ** 2 + (dy + shift) ** 2 > radius ** 2 || px < 0 || py < 0 || px >= W || py >= H) continue;
    const i = py * W + px;
    if (mask[i] !== set) { changed.push(i); stroke.add(i); }
  }
  flip(changed);
}

function line(x0, y0, x1, y1, set) { // Bresenham, both ends included
  const dx = Math.abs(x1 - x0), dy = -Math.abs(y1 - y0), sx = Math.sign(x1 - x0), sy = Math.sign(y1 - y0);
  for (let error = dx + dy; ; ) {
    stamp(x0, y0, set);
    if (x0 === x1 && y0 === y1) return;
    const twice = 2 * error;
    if (twice >= dy) { error += dy; x0 += sx; }
    if (twice <= dx) { error += dx; y0 += sy; }
  }
}

function changed() {
  value = { ...value, runs: runs() };
  props.value = value;
  refresh();
}

function step(from, to) {
  const indices = from.pop();
  if (!indices) return;
  flip(indices);
  to.push(indices);
  changed();
}

function commit(indices) {
  if (!indices.length) return;
  undos.push(indices);
  redos = [];
  changed();
}

// --- the view

function recolour() {
  const table = PALETTES[palette.value], context = base.getContext("2d"), pixels = context.createImageData(W, H);
  for (let i = 0; i < gray.length; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = table[3 * gray[i] + c];
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

function fit() {
  const { clientWidth: w, clientHeight: h } = stage;
  if (!W || !w) return;
  scale = Math.min(w / W, h / H);
  left = (w - W * scale) / 2;
  top = (h - H * scale) / 2;
  fitted = true;
}

function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const next = Math.min(64, Math.max(0.1, scale * factor));
  left = x - ((x - left) * next) / scale;
  top = y - ((y - top) * next) / scale;
  scale = next;
  fitted = false;
}

function outline() { // the mask's border in screen space: a target of one pixel stays visible at any zoom
  const seen = (from, length, end) => [Math.max(0, Math.floor(-from / scale)), Math.min(end, Math.ceil((length - from) / scale))];
  const [x0, x1] = seen(left, stage.clientWidth, W), [y0, y1] = seen(top, stage.clientHeight, H);
  screen.beginPath();
  for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) {
    if (!mask[y * W + x]) continue;
    const [l, t, r, b] = [left + x * scale, top + y * scale, left + (x + 1) * scale, top + (y + 1) * scale];
    if (x === 0 || !mask[y * W + x - 1]) { screen.moveTo(l, t); screen.lineTo(l, b); }
    if (x === W - 1 || !mask[y * W + x + 1]) { screen.moveTo(r, t); screen.lineTo(r, b); }
    if (y === 0 || !mask[(y - 1) * W + x]) { screen.moveTo(l, t); screen.lineTo(r, t); }
    if (y === H - 1 || !mask[(y + 1) * W + x]) { screen.moveTo(l, b); screen.lineTo(r, b); }
  }
  screen.strokeStyle = `rgb(${TINT})`;
  screen.lineWidth = 1.25;
  screen.stroke();
}

function draw() {
  const ratio = window.devicePixelRatio || 1, { clientWidth: w, clientHeight: h } = stage;
  if (!w || !W || !base) return;
  if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
  if (canvas.height !== Math.round(h * ratio)) canvas.height = Math.round(h * ratio);
  screen.setTransform(ratio, 0, 0, ratio, 0, 0);
  screen.clearRect(0, 0, w, h);
  screen.imageSmoothingEnabled = false;
  screen.drawImage(base, left, top, W * scale, H * scale);
  if (shown && count) { screen.drawImage(tint, left, top, W * scale, H * scale); outline(); }
  if (hover && tool !== "pan" && !space) {
    const shift = size % 2 ? 0.5 : 0;
    screen.beginPath();
    if (size === 1) screen.rect(left + hover.x * scale, top + hover.y * scale, scale, scale);
    else screen.arc(left + (hover.x + shift) * scale, top + (hover.y + shift) * scale, (size / 2) * scale, 0, 7);
    screen.strokeStyle = "#fff";
    screen.lineWidth = 1;
    screen.stroke();
  }
}

let waiting = false;
function refresh() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
    for (const name of ["brush", "eraser", "pan"]) find(`[data-do=${name}]`).setAttribute("aria-pressed", tool === name);
    find("[data-do=show]").setAttribute("aria-pressed", shown);
    find("[data-do=undo]").disabled = !undos.length;
    find("[data-do=redo]").disabled = !redos.length;
    find("[data-do=clear]").disabled = !count;
    canvas.classList.toggle("moving", tool === "pan" || space);
    find(".size").textContent = `${size} px`;
    const inside = hover && hover.x >= 0 && hover.y >= 0 && hover.x < W && hover.y < H;
    find(".where").textContent = inside ? `x ${hover.x}, y ${hover.y}` : `${W} × ${H} px`;
    find(".count").textContent = `${count} px masked · ${scale.toFixed(1)}×`;
  });
}

// --- hands

const actions = {
  brush: () => { tool = "brush"; },
  eraser: () => { tool = "eraser"; },
  pan: () => { tool = "pan"; },
  smaller: () => { size = Math.max(1, size - 1); },
  larger: () => { size = Math.min(MAX_SIZE, size + 1); },
  undo: () => step(undos, redos),
  redo: () => step(redos, undos),
  clear: () => { const all = [...mask.keys()].filter((i) => mask[i]); flip(all); commit(all); },
  in: () => zoom(1.5),
  out: () => zoom(1 / 1.5),
  fit,
  show: () => { shown = !shown; },
  palette: () => { palette.selectedIndex = (palette.selectedIndex + 1) % palette.length; palette.onchange(); },
};
const KEYS = { b: "brush", e: "eraser", h: "pan", "[": "smaller", "]": "larger", "+": "in", "=": "in", "-": "out", 0: "fit", m: "show", p: "palette" };

function at(event) {
  const box = canvas.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  return { sx: x, sy: y, x: Math.floor((x - left) / scale), y: Math.floor((y - top) / scale) };
}

// Where an even brush sits: its centre is the pixel corner nearest to the pointer.
function aim(event) {
  const spot = at(event);
  if (size % 2) return spot;
  return { ...spot, x: Math.round((spot.sx - left) / scale), y: Math.round((spot.sy - top) / scale) };
}

function cancel() { // take back a stroke that became a pinch
  if (stroke) flip([...stroke]);
  stroke = null;
}

canvas.addEventListener("pointerdown", (event) => {
  if (!W) return;
  event.preventDefault();
  canvas.focus({ preventScroll: true });
  try { canvas.setPointerCapture(event.pointerId); } catch { /* the pointer is gone already */ }
  const spot = aim(event);
  const pans = tool === "pan" || space || event.button === 1;
  const set = tool === "eraser" || event.button === 2 ? 0 : 1;
  pointers.set(event.pointerId, { ...spot, pans, set });
  if (pointers.size === 2) cancel();
  if (pointers.size > 1 || pans) return;
  stroke = new Set();
  stamp(spot.x, spot.y, set);
  hover = spot;
  refresh();
});

canvas.addEventListener("pointermove", (event) => {
  hover = aim(event);
  const before = pointers.get(event.pointerId);
  if (before && pointers.size === 2) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1], now = at(event);
    const spread = (p) => Math.hypot(p.sx - other.sx, p.sy - other.sy) || 1;
    left += (now.sx - before.sx) / 2;
    top += (now.sy - before.sy) / 2;
    zoom(spread(now) / spread(before), (now.sx + other.sx) / 2, (now.sy + other.sy) / 2);
    pointers.set(event.pointerId, { ...before, ...now });
  } else if (before?.pans) {
    left += hover.sx - before.sx;
    top += hover.sy - before.sy;
    fitted = false;
    pointers.set(event.pointerId, { ...before, ...hover });
  } else if (before && stroke) {
    let last = before;
    for (const one of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      const spot = aim(one);
      if (spot.x !== last.x || spot.y !== last.y) line(last.x, last.y, spot.x, spot.y, before.set);
      last = { ...before, ...spot };
    }
    pointers.set(event.pointerId, last);
  }
  refresh();
});

function release(event) {
  if (!pointers.delete(event.pointerId) || !stroke || pointers.size) return;
  const flipped = [...stroke];
  stroke = null;
  commit(flipped);
  refresh();
}
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => { hover = null; refresh(); });
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const spot = at(event);
  zoom(Math.exp(-event.deltaY / 400), spot.sx, spot.sy);
  refresh();
}, { passive: false });

root.querySelector(".bar").addEventListener("click", (event) => {
  const name = event.target.closest("[data-do]")?.dataset.do;
  if (!name || !W) return;
  actions[name]();
  refresh();
});

function key(event) {
  if (!element.isConnected) { document.removeEventListener("keydown", key); document.removeEventListener("keyup", key); return; }
  if (!W || !root.offsetParent) return;
  if (event.type === "keyup") { if (event.key === " ") { space = false; refresh(); } return; }
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key === "Enter") { event.preventDefault(); trigger("submit"); return; }
  if (event.target.closest?.("input, textarea, select, [contenteditable=true]")) return;
  if (event.key === " " && event.target === canvas) { event.preventDefault(); space = true; refresh(); return; }
  const letter = event.key.toLowerCase();
  const name = command ? { z: event.shiftKey ? "redo" : "undo", y: "redo" }[letter] : event.altKey ? null : KEYS[letter];
  if (!name) return;
  event.preventDefault();
  actions[name]();
  refresh();
}
document.addEventListener("keydown", key);
document.addEventListener("keyup", key);

// --- the item

const newCanvas = () => Object.assign(document.createElement("canvas"), { width: W, height: H });

async function load() {
  const next = props.value;
  const empty = !next || !next.size || !props.image;
  root.classList.toggle("blank", empty);
  if (empty) { W = H = 0; value = null; picture = ""; return; }
  const same = value && next.key === value.key && JSON.stringify(next.runs) === JSON.stringify(value.runs);
  if (same && props.image === picture) return;
  const image = new Image();
  image.src = props.image;
  await image.decode();
  if (props.value?.key !== next.key) return; // another item came meanwhile
  [W, H] = next.size;
  value = next;
  picture = props.image;
  base = newCanvas();
  tint = newCanvas();
  const context = base.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  gray = context.getImageData(0, 0, W, H).data.filter((_, i) => i % 4 === 0);
  mask = new Uint8Array(W * H);
  count = 0;
  undos = []; redos = []; stroke = null; pointers.clear();
  const drafted = [];
  for (let r = 0; r < next.runs.length; r += 2)
    for (let i = next.runs[r]; i < next.runs[r] + next.runs[r + 1]; i++) drafted.push(i);
  flip(drafted);
  recolour();
  fit();
  refresh();
}

for (const name of Object.keys(PALETTES)) palette.add(new Option(name, name));
try { palette.value = localStorage.getItem("studio-palette") || "ironbow"; } catch { palette.value = "ironbow"; }
if (palette.selectedIndex < 0) palette.selectedIndex = 0;
palette.onchange = () => {
  try { localStorage.setItem("studio-palette", palette.value); } catch { /* private browsing */ }
  recolour();
  refresh();
};
new ResizeObserver(() => { if (fitted) fit(); refresh(); }).observe(stage);
watch(["value", "image"], load);
load();
