// A thermal image as measured numbers: window (level and width), palette, polarity, value under the pointer.

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

  // The pixel that stands out most from its surroundings in a window of the image, leaving out `taken` pixels.
  brightest(taken, [x0, y0, x1, y1]) {
    let best = -1;
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) {
      const i = y * this.width + x;
      if (taken[i]) continue;
      if (best < 0 || (this.inverted ? this.values[i] < this.values[best] : this.values[i] > this.values[best])) best = i;
    }
    return best < 0 ? null : { x: best % this.width, y: Math.floor(best / this.width) };
  }
}
