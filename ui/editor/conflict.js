// Two versions of one item: shown side by side, merged field by field. Nothing is written here, and never over anybody.

const FIELD_NAMES = {
  mask: "Mask", boxes: "Boxes", points: "Points", caption_global: "Global caption", caption_fine: "Fine caption",
  questions: "Questions", tags: "Tags", quality: "Quality",
};

// The side that a field is first set to: whoever changed it; where both did, the person chooses (null).
function firstChoice(before, mine, theirs) {
  if (same(mine, theirs) || same(mine, before)) return "theirs";
  return same(theirs, before) ? "mine" : null;
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

class Conflict {
  // done(fields) with the merged fields, or done(null) to take theirs
  constructor(root, done) {
    Object.assign(this, { root, done });
    root.querySelector("[data-do=merge]").addEventListener("click", () => this.finish());
    root.querySelector("[data-do=theirs]").addEventListener("click", () => { this.close(); this.done(null); });
  }

  open({ sentence, theirs, mine, before, picture }) {
    Object.assign(this, { mine, theirs });
    this.root.hidden = false;
    this.root.querySelector(".why").textContent = sentence;
    const names = Object.keys(FIELD_NAMES).filter((name) => name in mine && !same(mine[name], theirs.fields[name] ?? emptyOf(mine[name])));
    this.choices = Object.fromEntries(names.map((name) =>
      [name, firstChoice(before?.[name] ?? emptyOf(mine[name]), mine[name], theirs.fields[name] ?? emptyOf(mine[name]))]));
    this.root.querySelector(".versions").replaceChildren(...names.map((name) => this.row(name, theirs.user, picture)));
    this.tell();
    this.root.scrollIntoView({ block: "nearest" });
    this.root.querySelector("input")?.focus();
  }

  row(name, user, picture) {
    const side = (which, title, value) => {
      const radio = node("input", { type: "radio", name: `merge-${name}`, checked: this.choices[name] === which });
      radio.addEventListener("change", () => { this.choices[name] = which; this.tell(); });
      const other = which === "mine" ? this.theirs.fields[name] : this.mine[name];
      const shown = name === "mask" ? [maskCanvas(picture, value, 260), node("p", { textContent: inWords(name, value) })]
        : which === "mine" ? diffNodes(inWords(name, other), inWords(name, value)) : [inWords(name, value) || "nothing"];
      return node("label", { className: "side" }, node("span", {}, radio, ` ${title}`), node("div", {}, ...shown));
    };
    return node("fieldset", {}, node("legend", { textContent: FIELD_NAMES[name] }),
      side("theirs", `Theirs (${user})`, this.theirs.fields[name]), side("mine", "Yours", this.mine[name]));
  }

  tell() {
    const open = Object.entries(this.choices).filter(([, which]) => !which).map(([name]) => FIELD_NAMES[name].toLowerCase());
    this.root.querySelector(".left").textContent = open.length ? `Both of you changed: ${open.join(", ")}. Choose a side for each.` : "";
    this.root.querySelector("[data-do=merge]").disabled = open.length > 0;
  }

  finish() {
    const merged = { ...this.mine };
    for (const [name, which] of Object.entries(this.choices))
      if (which === "theirs") merged[name] = this.theirs.fields[name] ?? emptyOf(this.mine[name]);
    this.close();
    this.done(merged);
  }

  close() { this.root.hidden = true; }
}

function emptyOf(value) {
  if (Array.isArray(value)) return [];
  return value && typeof value === "object" ? { ...value, runs: [] } : "";
}
