// Masks as integers: painting, filling, and the runs in which a mask travels (labeling/masks.py). No DOM in here.

class Mask {
  constructor(width, height, runs = []) {
    Object.assign(this, { width, height, count: 0, bits: new Uint8Array(width * height) });
    for (let r = 0; r < runs.length; r += 2) {
      this.bits.fill(1, runs[r], runs[r] + runs[r + 1]);
      this.count += runs[r + 1];
    }
  }

  has(x, y) { return x >= 0 && y >= 0 && x < this.width && y < this.height && this.bits[y * this.width + x] === 1; }

  flip(indices) {
    for (const i of indices) {
      this.bits[i] ^= 1;
      this.count += this.bits[i] ? 1 : -1;
    }
  }

  set() { // indices of all set pixels
    return [...this.bits.keys()].filter((i) => this.bits[i]);
  }

  runs() { // maximal and ascending: one mask has one form
    const found = [];
    for (let i = this.bits.indexOf(1); i !== -1; i = this.bits.indexOf(1, i)) {
      const end = this.bits.indexOf(0, i), stop = end === -1 ? this.bits.length : end;
      found.push(i, stop - i);
      i = stop;
    }
    return found;
  }
}

// Indices of the pixels whose centre lies in a disc of this diameter. 1 is the one pixel (x, y); an even disc is centred
// on the corner between (x - 1, y - 1) and (x, y).
function disc(mask, x, y, diameter) {
  const radius = diameter / 2, shift = diameter % 2 ? 0 : 0.5, reach = Math.ceil(radius), found = [];
  for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) {
    const px = x + dx, py = y + dy;
    if ((dx + shift) ** 2 + (dy + shift) ** 2 > radius ** 2) continue;
    if (px >= 0 && py >= 0 && px < mask.width && py < mask.height) found.push(py * mask.width + px);
  }
  return found;
}

function* line(x0, y0, x1, y1) { // Bresenham's pixels, both ends included
  const dx = Math.abs(x1 - x0), dy = -Math.abs(y1 - y0), sx = Math.sign(x1 - x0), sy = Math.sign(y1 - y0);
  for (let error = dx + dy; ;) {
    yield [x0, y0];
    if (x0 === x1 && y0 === y1) return;
    const twice = 2 * error;
    if (twice >= dy) { error += dy; x0 += sx; }
    if (twice <= dx) { error += dx; y0 += sy; }
  }
}

const PEAK_REACH = 3, RING = [9, 16], FILL_REACH = 64; // pixels from the click

// The target under a click, as indices: the 8-connected pixels that stand out from the background by `level` (0 to 1) of
// the strongest pixel near the click. Hot and cold targets alike; the background is the median of a ring around the click.
function fillTarget(values, width, height, x, y, level) {
  const near = (px, py) => px >= 0 && py >= 0 && px < width && py < height;
  const ring = [];
  for (let dy = -RING[1]; dy <= RING[1]; dy++) for (let dx = -RING[1]; dx <= RING[1]; dx++)
    if (Math.max(Math.abs(dx), Math.abs(dy)) >= RING[0] && near(x + dx, y + dy)) ring.push(values[(y + dy) * width + x + dx]);
  if (!ring.length) return [];
  const background = ring.sort((a, b) => a - b)[ring.length >> 1];
  let peak = y * width + x;
  const contrast = (i) => Math.abs(values[i] - background);
  for (let dy = -PEAK_REACH; dy <= PEAK_REACH; dy++) for (let dx = -PEAK_REACH; dx <= PEAK_REACH; dx++)
    if (near(x + dx, y + dy) && contrast((y + dy) * width + x + dx) > contrast(peak)) peak = (y + dy) * width + x + dx;
  const height_ = values[peak] - background;
  if (!height_) return [];
  const stands = (i) => (values[i] - background) / height_ >= level;
  const found = new Set([peak]), open = [peak];
  while (open.length) {
    const i = open.pop(), cx = i % width, cy = (i - cx) / width;
    for (let py = cy - 1; py <= cy + 1; py++) for (let px = cx - 1; px <= cx + 1; px++) {
      const j = py * width + px;
      if (!near(px, py) || found.has(j) || Math.max(Math.abs(px - x), Math.abs(py - y)) > FILL_REACH || !stands(j)) continue;
      found.add(j);
      open.push(j);
    }
  }
  return [...found];
}

class Sums { // means over boxes in constant time, from sums over everything above and left
  constructor(values, width, height) {
    Object.assign(this, { width, height, sums: new Float64Array((width + 1) * (height + 1)) });
    for (let y = 0, i = 0; y < height; y++) for (let x = 0, row = 0; x < width; x++, i++) {
      row += values[i];
      this.sums[(y + 1) * (width + 1) + x + 1] = this.sums[y * (width + 1) + x + 1] + row;
    }
  }

  mean(x, y, radius) { // of the part of the box that lies in the image; null if none does
    const { width, height, sums } = this, across = width + 1;
    const x0 = Math.max(0, x - radius), y0 = Math.max(0, y - radius);
    const x1 = Math.min(width, x + radius + 1), y1 = Math.min(height, y + radius + 1);
    if (x0 >= x1 || y0 >= y1) return null;
    const sum = sums[y1 * across + x1] - sums[y0 * across + x1] - sums[y1 * across + x0] + sums[y0 * across + x0];
    return sum / ((x1 - x0) * (y1 - y0));
  }
}

class History { // steps are {undo(), redo()}, done already when they are pushed
  constructor() { this.done = []; this.undone = []; }
  push(step) { this.done.push(step); this.undone = []; }
  undo() { const step = this.done.pop(); if (step) { step.undo(); this.undone.push(step); } return Boolean(step); }
  redo() { const step = this.undone.pop(); if (step) { step.redo(); this.done.push(step); } return Boolean(step); }
}
