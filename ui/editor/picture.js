// A thermal image as measured numbers: window (level and width), palette, polarity, value under the pointer.

const CELLS = [[6, 2], [20, 6]]; // distance and half side of the cells around a pixel: small targets and larger ones
const AWAY = 4; // pixels between what is masked already and the next target
const UNITS = { celsius: "°C", kelvin: "K", counts: "" };

class Picture {
  // packed: see ui/editor/pictures.py `pack`. Values are offset + scale * stored integer.
  static async open(packed) {
    const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const buffer = await new Response(stream).arrayBuffer();
    return new Picture(packed, packed.bits === 8 ? new Uint8Array(buffer) : new Uint16Array(buffer));
  }

  constructor({ width, height, bits, scale, offset, unit, window }, values) {
    Object.assign(this, { width, height, values, scale, offset, unit, usual: window, steps: 2 ** bits, inverted: false });
    this.canvas = Object.assign(document.createElement("canvas"), { width, height });
    this.colours = null;
    this.least = values[0];
    this.most = values[0];
    for (const value of values) { if (value < this.least) this.least = value; else if (value > this.most) this.most = value; }
    this.reach = Math.max(1, this.most - this.least); // stored steps that the image uses
    this.auto();
  }

  get level() { return (this.low + this.high) / 2; }
  get span() { return this.high - this.low; }

  // All in stored steps; never narrower than one step.
  look(level, width) {
    const wide = Math.min(this.steps, Math.max(1, width));
    const middle = Math.min(this.steps - 1, Math.max(0, level));
    this.low = middle - wide / 2;
    this.high = middle + wide / 2;
  }

  auto() { [this.low, this.high] = this.usual; }

  full() { [this.low, this.high] = [this.least, this.least + this.reach]; }

  paint(palette = this.colours) { // palette: 768 numbers, dark to bright
    this.colours = palette;
    const table = new Uint32Array(this.steps), little = [0, 8, 16];
    for (let step = 0; step < this.steps; step++) {
      const share = Math.min(1, Math.max(0, (step - this.low) / (this.high - this.low)));
      const at = 3 * Math.round(255 * (this.inverted ? 1 - share : share));
      table[step] = little.reduce((colour, shift, c) => colour | (palette[at + c] << shift), 255 << 24) >>> 0;
    }
    const context = this.canvas.getContext("2d"), pixels = context.createImageData(this.width, this.height);
    const out = new Uint32Array(pixels.data.buffer);
    for (let i = 0; i < out.length; i++) out[i] = table[this.values[i]];
    context.putImageData(pixels, 0, 0);
  }

  value(stored) { return this.offset + this.scale * stored; }

  words(stored) { // a stored step as people read it
    const value = this.value(stored), exact = this.unit === "counts" && this.scale === 1;
    return `${exact ? Math.round(value) : value.toFixed(2)} ${UNITS[this.unit]}`.trim();
  }

  readout(x, y) { return this.words(this.values[y * this.width + x]); }

  // The pixel in a window of the image that stands out most from its surroundings, away from `taken` pixels; null if none
  // does. It has to differ from the cells on all four sides, so slopes and edges don't count.
  outstanding(taken, [x0, y0, x1, y1]) {
    const { width, height, values } = this, sign = this.inverted ? -1 : 1, marks = new Sums(taken, width, height);
    const inside = (at, radius, end) => Math.max(0, Math.min(end - 1, Math.max(radius, Math.min(end - 1 - radius, at))));
    this.sums ??= new Sums(values, width, height);
    let best = -1, most = 0;
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) {
      const value = values[y * width + x];
      for (const [distance, radius] of CELLS) {
        let stands = Infinity;
        for (const side of [-distance, distance]) { // at the border the cell is moved in, over the pixel if need be
          const across = this.sums.mean(inside(x + side, radius, width), y, radius);
          const along = this.sums.mean(x, inside(y + side, radius, height), radius);
          stands = Math.min(stands, sign * (value - across), sign * (value - along));
        }
        if (stands > most && !marks.mean(x, y, AWAY)) { best = y * width + x; most = stands; }
      }
    }
    return best < 0 ? null : { x: best % width, y: Math.floor(best / width) };
  }
}
