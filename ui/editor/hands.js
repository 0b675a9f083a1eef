// Drawing with pointer, fingers or keys: brush, eraser, fill, box, point, move. Every step can be undone.

const MAX_SIZE = 64; // diameter of the brush, image pixels
const GRIP = 7; // CSS pixels around a box's corner that take hold of it
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

class Hands {
  constructor(view, changed) {
    Object.assign(this, { view, changed, tool: "brush", size: 1, level: 0.5, pointers: new Map(), space: false });
    this.close();
    view.over = (ink) => this.draw(ink);
    const on = (name, handler) => view.canvas.addEventListener(name, handler);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.up(event));
    on("pointerleave", () => { if (!this.pointers.size && !this.byKeys) this.cursor = null; view.refresh(); });
    on("contextmenu", (event) => event.preventDefault());
    view.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { sx, sy } = view.at(event);
      view.zoom(Math.exp(-event.deltaY / 400), sx, sy);
      view.refresh();
    }, { passive: false });
  }

  // The stored forms (labeling/fields.py): boxes of whole pixels whose right and bottom edges lie outside, points, runs.
  open(mask, boxes, points) {
    this.close();
    this.mask = mask;
    this.boxes = boxes.map(({ label, xyxy: [x1, y1, x2, y2] }) => ({ label, x1, y1, x2, y2 }));
    this.points = points.map(({ label, xy: [x, y] }) => ({ label, x, y }));
    this.cursor = { x: mask.width >> 1, y: mask.height >> 1 };
  }

  values() {
    return {
      mask: { size: [this.mask.width, this.mask.height], runs: this.mask.runs() },
      boxes: this.boxes.map(({ label, x1, y1, x2, y2 }) => ({ label, xyxy: [x1, y1, x2, y2] })),
      points: this.points.map(({ label, x, y }) => ({ label, xy: [x, y] })),
    };
  }

  close() {
    Object.assign(this, { mask: null, boxes: [], points: [], history: new History(), cursor: null, byKeys: false });
    Object.assign(this, { stroke: null, draft: null, selected: -1, filled: null });
  }

  // --- steps that can be undone

  flip(indices) { this.mask.flip(indices); this.view.touch(indices); }

  keep(indices) { // a step of the mask whose pixels are flipped already
    if (!indices.length) return;
    const again = () => this.flip(indices);
    this.history.push({ undo: again, redo: again });
    this.changed();
  }

  shape(name, after) { // a step of the boxes or points
    const before = this[name], put = (list) => { this[name] = list; this.selected = -1; };
    put(after);
    this.history.push({ undo: () => put(before), redo: () => put(after) });
    this.changed();
  }

  undo() { this.draft = null; if (this.history.undo()) this.changed(); }
  redo() { if (this.history.redo()) this.changed(); }

  clear() { const all = this.mask.set(); this.flip(all); this.keep(all); }

  fill(x, y) {
    const { values, width, height } = this.view.picture;
    const found = fillTarget(values, width, height, x, y, this.level).filter((i) => !this.mask.bits[i]);
    this.flip(found);
    this.keep(found);
    this.filled = { x, y, step: this.history.done.at(-1) };
  }

  fillLevel(level) { // of the next fill, and of the last one if nothing was done since
    this.level = clamp(Math.round(level * 20) / 20, 0.1, 0.95);
    const last = this.filled;
    if (!last || this.history.done.at(-1) !== last.step) return;
    this.history.undo();
    this.fill(last.x, last.y);
  }

  remove() { // the box or point under the cursor, else the selected box
    const { cursor } = this, inside = (b) => cursor && cursor.x >= b.x1 && cursor.x < b.x2 && cursor.y >= b.y1 && cursor.y < b.y2;
    const point = this.points.findIndex((p) => cursor && p.x === cursor.x && p.y === cursor.y);
    if (point >= 0) { this.shape("points", this.points.toSpliced(point, 1)); return; }
    const box = this.selected >= 0 ? this.selected : this.boxes.findLastIndex(inside);
    if (box >= 0) this.shape("boxes", this.boxes.toSpliced(box, 1));
  }

  name(label) { // of the selected box
    const at = this.selected;
    if (at < 0 || this.boxes[at].label === label) return;
    this.shape("boxes", this.boxes.with(at, { ...this.boxes[at], label }));
    this.selected = at;
  }

  // --- one gesture: begin, go on, end. Positions in image pixels, not yet whole

  aim({ x, y }) { // the pixel meant; for an even brush the pixel corner nearest
    const whole = ["brush", "eraser"].includes(this.tool) && this.size % 2 === 0 ? Math.round : Math.floor;
    return { x: whole(x), y: whole(y) };
  }

  dab(x, y) {
    const wanted = disc(this.mask, x, y, this.size).filter((i) => this.mask.bits[i] !== this.set);
    for (const i of wanted) this.stroke.add(i);
    this.flip(wanted);
  }

  begin(spot, erase) {
    const { x, y } = this.aim(spot), { width, height } = this.mask, inside = x >= 0 && y >= 0 && x < width && y < height;
    this.cursor = { x, y };
    if (this.tool === "brush" || this.tool === "eraser") {
      this.set = erase || this.tool === "eraser" ? 0 : 1;
      this.stroke = new Set();
      this.last = { x, y };
      this.dab(x, y);
    } else if (this.tool === "fill" && inside) this.fill(x, y);
    else if (this.tool === "point" && inside) {
      const there = this.points.findIndex((point) => point.x === x && point.y === y);
      this.shape("points", there < 0 ? [...this.points, { x, y, label: "" }] : this.points.toSpliced(there, 1));
    } else if (this.tool === "box") this.draft = this.grip(spot) ?? { at: -1, x0: x, y0: y, x, y, label: "" };
  }

  grip(spot) { // a corner of a box near the pointer: its opposite stays, it moves
    const reach = GRIP / this.view.scale, close = (a, b) => Math.abs(a - b) <= reach;
    for (const [at, b] of this.boxes.entries())
      for (const [x, fx] of [[b.x1, b.x2 - 1], [b.x2, b.x1]]) for (const [y, fy] of [[b.y1, b.y2 - 1], [b.y2, b.y1]])
        if (close(spot.x, x) && close(spot.y, y)) return { at, x0: fx, y0: fy, ...this.aim(spot), label: b.label };
    return null;
  }

  goOn(spot) {
    const { x, y } = this.aim(spot);
    this.cursor = { x, y };
    if (this.draft) Object.assign(this.draft, { x, y });
    if (!this.stroke || (x === this.last.x && y === this.last.y)) return;
    for (const [px, py] of line(this.last.x, this.last.y, x, y)) this.dab(px, py);
    this.last = { x, y };
  }

  end() {
    if (this.stroke) this.keep([...this.stroke]);
    if (this.draft) {
      const { at, label } = this.draft, box = { ...this.rectangle(this.draft), label };
      this.draft = null;
      this.shape("boxes", at < 0 ? [...this.boxes, box] : this.boxes.with(at, box));
      this.selected = at < 0 ? this.boxes.length - 1 : at;
      this.changed();
    }
    this.stroke = null;
  }

  cancel() { // a stroke that became a pinch never was
    if (this.stroke) this.flip([...this.stroke]);
    this.stroke = this.draft = null;
  }

  rectangle({ x0, y0, x, y }) { // both pixels belong to the box; x2, y2 are one past the last
    const { width, height } = this.mask;
    const [x1, x2] = [Math.min(x0, x), Math.max(x0, x)].map((v) => clamp(v, 0, width - 1));
    const [y1, y2] = [Math.min(y0, y), Math.max(y0, y)].map((v) => clamp(v, 0, height - 1));
    return { x1, y1, x2: x2 + 1, y2: y2 + 1 };
  }

  // --- pointer and fingers

  down(event) {
    if (!this.mask) return;
    event.preventDefault();
    this.view.canvas.focus({ preventScroll: true });
    try { this.view.canvas.setPointerCapture(event.pointerId); } catch { /* the pointer is gone already */ }
    const spot = this.view.at(event), pans = this.tool === "move" || this.space || event.button === 1;
    this.byKeys = false;
    this.pointers.set(event.pointerId, { ...spot, pans });
    if (this.pointers.size > 1) this.cancel();
    else if (!pans) this.begin(spot, event.button === 2);
    this.view.refresh();
  }

  move(event) {
    if (!this.mask) return;
    const spot = this.view.at(event), before = this.pointers.get(event.pointerId);
    if (before && this.pointers.size === 2) this.pinch(event.pointerId, before, spot);
    else if (before?.pans) this.view.pan(spot.sx - before.sx, spot.sy - before.sy);
    else if (before) {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const one of events.length ? events : [event]) this.goOn(this.view.at(one));
    } else { this.byKeys = false; this.cursor = this.aim(spot); if (this.draft) this.goOn(spot); }
    if (before) this.pointers.set(event.pointerId, { ...before, ...this.view.at(event) });
    this.view.refresh();
  }

  pinch(id, before, now) {
    const other = [...this.pointers].find(([key]) => key !== id)[1];
    const spread = (p) => Math.hypot(p.sx - other.sx, p.sy - other.sy) || 1;
    this.view.pan((now.sx - before.sx) / 2, (now.sy - before.sy) / 2);
    this.view.zoom(spread(now) / spread(before), (now.sx + other.sx) / 2, (now.sy + other.sy) / 2);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    this.end();
    this.view.refresh();
  }

  // --- keys: a cursor that moves by whole pixels

  step(dx, dy) {
    const { width, height } = this.mask, from = this.cursor ?? { x: width >> 1, y: height >> 1 };
    this.put({ x: from.x + dx, y: from.y + dy });
  }

  put({ x, y }) {
    const spot = { x: clamp(x, 0, this.mask.width - 1), y: clamp(y, 0, this.mask.height - 1) };
    this.byKeys = true;
    this.goOn({ x: spot.x, y: spot.y });
    this.view.follow(spot);
  }

  seek() {
    const spot = this.view.picture.outstanding(this.mask.bits, this.view.window());
    if (spot) this.put(spot);
  }

  press() { // Enter: one dab, fill or point; a box takes two, one at each corner
    const spot = this.cursor ?? { x: this.mask.width >> 1, y: this.mask.height >> 1 };
    this.byKeys = true;
    if (this.tool === "box" && this.draft) { this.end(); return; }
    if (this.tool === "box") this.draft = { at: -1, x0: spot.x, y0: spot.y, ...spot, label: "" };
    else { this.begin(spot, false); this.end(); }
  }

  // --- drawn over the picture

  draw(ink) {
    const { view } = this;
    const frame = ({ x1, y1, x2, y2, label }, colour, width) => {
      const [l, t] = view.screen(x1, y1);
      ink.strokeStyle = ink.fillStyle = colour;
      ink.lineWidth = width;
      ink.strokeRect(l, t, (x2 - x1) * view.scale, (y2 - y1) * view.scale);
      if (label) { ink.font = "12px system-ui"; ink.fillText(label, l + 2, Math.max(12, t - 4)); }
    };
    if (view.shown) {
      this.boxes.forEach((box, at) => frame(box, at === this.selected ? "#ffffff" : "#8cff66", at === this.selected ? 2 : 1.5));
      for (const point of this.points) {
        const [x, y] = view.screen(point.x + 0.5, point.y + 0.5);
        ink.strokeStyle = "#8cff66";
        ink.lineWidth = 1.5;
        ink.beginPath();
        for (const [dx, dy] of [[8, 0], [0, 8]]) for (const side of [-1, 1]) {
          ink.moveTo(x + side * dx * 0.35, y + side * dy * 0.35);
          ink.lineTo(x + side * dx, y + side * dy);
        }
        ink.stroke();
      }
    }
    if (this.draft) frame({ ...this.rectangle(this.draft), label: "" }, "#ffffff", 1.5);
    if (this.cursor && this.tool !== "move" && !this.space) this.drawCursor(ink);
  }

  drawCursor(ink) {
    const { view, cursor } = this, paints = this.tool === "brush" || this.tool === "eraser";
    ink.strokeStyle = "#ffffff";
    ink.lineWidth = 1;
    ink.beginPath();
    if (paints && this.size > 1) {
      const shift = this.size % 2 ? 0.5 : 0, [x, y] = view.screen(cursor.x + shift, cursor.y + shift);
      ink.arc(x, y, (this.size / 2) * view.scale, 0, 7);
    } else ink.rect(...view.screen(cursor.x, cursor.y), view.scale, view.scale);
    if (this.byKeys) { // small pixels need a cross-hair to be found
      const [x, y] = view.screen(cursor.x + 0.5, cursor.y + 0.5), gap = Math.max(6, view.scale);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        ink.moveTo(x + dx * gap, y + dy * gap);
        ink.lineTo(x + dx * (gap + 12), y + dy * (gap + 12));
      }
    }
    ink.stroke();
  }
}
