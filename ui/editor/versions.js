// Several versions of one item side by side, merged field by field: after a conflict, in a review, beside a model's
// suggestion. Nothing is written here, and never over anybody.

const FIELD_NAMES = {
  mask: "Mask", boxes: "Boxes", points: "Points", caption_global: "Global caption", caption_fine: "Fine caption",
  questions: "Questions", tags: "Tags", quality: "Quality",
};

// The side that a field is first set to after a conflict: whoever changed it; where both did, the person chooses (null).
function firstChoice(before, mine, theirs) {
  if (same(mine, theirs) || same(mine, before)) return 0;
  return same(theirs, before) ? 1 : null;
}

function maskCanvas(picture, mask, size) {
  const canvas = node("canvas", { width: picture.width, height: picture.height }), ink = canvas.getContext("2d");
  ink.drawImage(picture.canvas, 0, 0);
  const bits = new Mask(picture.width, picture.height, mask?.runs ?? []);
  ink.fillStyle = `rgb(${TINT})`;
  for (const i of bits.set()) ink.fillRect(i % picture.width, Math.floor(i / picture.width), 1, 1);
  canvas.style.maxWidth = `${size}px`;
  return canvas;
}

class Versions {
  // done(fields) with the merged fields; other() where the person wants none of it.
  constructor(root) {
    this.root = root;
    root.querySelector("[data-do=merge]").addEventListener("click", () => this.finish());
    root.querySelector("[data-do=other]").addEventListener("click", () => { const { other } = this; this.close(); other(); });
  }

  get shown() { return !this.root.hidden; }

  // versions: [{title, fields}], all with the same fields; start(name) gives the version a field is first set to.
  open({ sentence, versions, picture, start, done, other, otherwise }) {
    Object.assign(this, { versions, done, other });
    this.root.hidden = false;
    this.root.querySelector(".why").textContent = sentence;
    this.root.querySelector("[data-do=other]").textContent = otherwise;
    const value = (name) => versions.map(({ fields }) => fields[name]);
    const names = Object.keys(FIELD_NAMES).filter((name) => value(name).some((one) => !same(one, value(name)[0])));
    this.choices = Object.fromEntries(names.map((name) => [name, start(name)]));
    this.root.querySelector(".versions").replaceChildren(...names.map((name) => this.row(name, picture)));
    this.tell();
    this.root.scrollIntoView({ block: "nearest" });
    this.root.querySelector("input")?.focus({ preventScroll: true });
  }

  row(name, picture) {
    const first = inWords(name, this.versions[0].fields[name]);
    return node("fieldset", {}, node("legend", { textContent: FIELD_NAMES[name] }), ...this.versions.map(({ title, fields }, at) => {
      const radio = node("input", { type: "radio", name: `merge-${name}`, checked: this.choices[name] === at });
      radio.addEventListener("change", () => { this.choices[name] = at; this.tell(); });
      const words = inWords(name, fields[name]);
      const shown = name === "mask" ? [maskCanvas(picture, fields[name], 260), node("p", { textContent: words })]
        : at ? diffNodes(first, words) : [words];
      return node("label", { className: "side" }, node("span", {}, radio, ` ${title}`), node("div", {}, ...(words ? shown : ["nothing"])));
    }));
  }

  tell() {
    const names = Object.keys(this.choices), open = names.filter((name) => this.choices[name] === null).map((name) => FIELD_NAMES[name].toLowerCase());
    this.root.querySelector(".left").textContent = open.length ? `They differ in: ${open.join(", ")}. Choose a version for each.`
      : names.length ? "" : "All versions are the same.";
    this.root.querySelector("[data-do=merge]").disabled = open.length > 0;
  }

  finish() {
    const merged = { ...this.versions.at(-1).fields };
    for (const [name, at] of Object.entries(this.choices)) merged[name] = this.versions[at].fields[name];
    this.close();
    this.done(merged);
  }

  close() { this.root.hidden = true; }
}
