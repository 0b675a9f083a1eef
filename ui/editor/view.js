// What is seen: the picture, the mask over it, boxes and points, the cursor; zoom and pan in whole image pixels.

const TINT = [34, 211, 238]; // cyan: in none of the palettes
const MAX_SCALE = 64, MIN_SCALE = 0.05; // CSS pixels per image pixel

class View {
  constructor(canvas) {
    Object.assign(this, { canvas, scale: 1, left: 0, top: 0, fitted: true, shown: true, picture: null, mask: null });
    this.context = canvas.getContext("2d");
    new ResizeObserver(() => { if (this.fitted) this.fit(); this.refresh(); }).observe(canvas);
  }

  open(picture, mask) {
    Object.assign(this, { picture, mask });
    const { width, height } = mask;
    this.tint = Object.assign(document.createElement("canvas"), { width, height });
    this.pixels = new ImageData(width, height);
    this.touch(mask.set());
    this.fit();
  }

  touch(indices) { // these pixels of the mask have changed
    if (!indices.length) return;
    const { width } = this.mask, colours = new Uint32Array(this.pixels.data.buffer);
    const on = (110 << 24 | TINT[2] << 16 | TINT[1] << 8 | TINT[0]) >>> 0;
    let [x0, y0, x1, y1] = [Infinity, Infinity, 0, 0];
    for (const i of indices) {
      colours[i] = this.mask.bits[i] ? on : 0;
      const x = i % width, y = (i - x) / width;
      x0 = Math.min(x0, x); y0 = Math.min(y0, y); x1 = Math.max(x1, x); y1 = Math.max(y1, y);
    }
    this.tint.getContext("2d").putImageData(this.pixels, 0, 0, x0, y0, x1 - x0 + 1, y1 - y0 + 1);
  }

  fit() {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    if (!this.picture || !w) return;
    this.scale = Math.min(w / this.picture.width, h / this.picture.height);
    this.left = (w - this.picture.width * this.scale) / 2;
    this.top = (h - this.picture.height * this.scale) / 2;
    this.fitted = true;
  }

  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const next = Math.min(MAX_SCALE, Math.max(MIN_SCALE, this.scale * factor));
    this.left = x - ((x - this.left) * next) / this.scale;
    this.top = y - ((y - this.top) * next) / this.scale;
    this.scale = next;
    this.fitted = false;
  }

  pan(dx, dy) { this.left += dx; this.top += dy; this.fitted = false; }

  at(event) { // where a pointer is: screen (sx, sy) in CSS pixels and image (x, y), not yet whole
    const box = this.canvas.getBoundingClientRect(), sx = event.clientX - box.left, sy = event.clientY - box.top;
    return { sx, sy, x: (sx - this.left) / this.scale, y: (sy - this.top) / this.scale };
  }

  screen(x, y) { return [this.left + x * this.scale, this.top + y * this.scale]; }

  window() { // the visible part of the image: x0, y0, x1, y1 with the ends left out
    const { clientWidth: w, clientHeight: h } = this.canvas, { width, height } = this.picture;
    const clip = (value, end) => Math.min(end, Math.max(0, value));
    return [
      clip(Math.floor(-this.left / this.scale), width), clip(Math.floor(-this.top / this.scale), height),
      clip(Math.ceil((w - this.left) / this.scale), width), clip(Math.ceil((h - this.top) / this.scale), height),
    ];
  }

  follow({ x, y }) { // pan until pixel (x, y) is inside, with a margin
    const [sx, sy] = this.screen(x + 0.5, y + 0.5), { clientWidth: w, clientHeight: h } = this.canvas;
    const margin = Math.min(40, w / 4, h / 4);
    const missing = (at, end) => (at < margin ? margin - at : at > end - margin ? end - margin - at : 0);
    const dx = missing(sx, w), dy = missing(sy, h);
    if ((dx || dy) && !this.fitted) this.pan(dx, dy);
  }

  refresh() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(); this.drawn?.(); });
  }

  draw() {
    const ratio = window.devicePixelRatio || 1, { clientWidth: w, clientHeight: h } = this.canvas, ink = this.context;
    if (!w || !this.picture) return;
    for (const [side, length] of [["width", w], ["height", h]])
      if (this.canvas[side] !== Math.round(length * ratio)) this.canvas[side] = Math.round(length * ratio);
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, w, h);
    ink.imageSmoothingEnabled = false;
    const place = [this.left, this.top, this.picture.width * this.scale, this.picture.height * this.scale];
    ink.drawImage(this.picture.canvas, ...place);
    if (this.shown && this.mask.count) { ink.drawImage(this.tint, ...place); this.outline(); }
    this.over?.(ink);
  }

  outline() { // the mask's border in screen space: a target of one pixel stays visible at any zoom
    const [x0, y0, x1, y1] = this.window(), { width: W, height: H, bits } = this.mask, ink = this.context;
    ink.beginPath();
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) {
      if (!bits[y * W + x]) continue;
      const [l, t] = this.screen(x, y), [r, b] = this.screen(x + 1, y + 1);
      if (x === 0 || !bits[y * W + x - 1]) { ink.moveTo(l, t); ink.lineTo(l, b); }
      if (x === W - 1 || !bits[y * W + x + 1]) { ink.moveTo(r, t); ink.lineTo(r, b); }
      if (y === 0 || !bits[(y - 1) * W + x]) { ink.moveTo(l, t); ink.lineTo(r, t); }
      if (y === H - 1 || !bits[(y + 1) * W + x]) { ink.moveTo(l, b); ink.lineTo(r, b); }
    }
    ink.strokeStyle = `rgb(${TINT})`;
    ink.lineWidth = 1.25;
    ink.stroke();
  }
}
