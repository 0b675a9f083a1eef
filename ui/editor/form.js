// What is said about the image: captions, questions with answers, tags, quality. Hints come from the server as one types.

const HINT_DELAY = 600; // milliseconds after the last key

class Form {
  constructor(root, check, changed) {
    Object.assign(this, { root, check, changed, hints: {} });
    this.list = root.querySelector(".questions");
    root.addEventListener("input", () => this.edited());
    root.querySelector("[data-do=question]").addEventListener("click", () => { this.add().focus(); this.edited(); });
    this.list.addEventListener("click", (event) => {
      if (!event.target.closest("[data-remove]")) return;
      event.target.closest("fieldset").remove();
      this.edited();
    });
  }

  text(name) { return this.root.querySelector(`[data-field=${name}]`); }

  open(fields) {
    for (const name of ["caption_global", "caption_fine"]) this.text(name).value = fields[name] ?? "";
    this.text("tags").value = (fields.tags ?? []).join(", ");
    this.text("quality").value = fields.quality ?? "";
    this.list.replaceChildren();
    for (const pair of fields.questions ?? []) this.add(pair);
    this.hints = {};
    this.showHints();
    this.ask();
  }

  values() {
    const text = (name) => this.text(name).value.trim().replace(/\s+/g, " ");
    const tags = text("tags").split(",").map((tag) => tag.trim()).filter(Boolean);
    return {
      caption_global: text("caption_global"), caption_fine: text("caption_fine"),
      tags: [...new Set(tags)].sort(), quality: text("quality"), questions: this.pairs(),
    };
  }

  pairs() {
    const tidy = (input) => input.value.trim().replace(/\s+/g, " ");
    return [...this.list.children].map((set) => {
      const [question, answer] = set.querySelectorAll("textarea");
      return { ...JSON.parse(set.dataset.rest), question: tidy(question), answer: tidy(answer) };
    }).filter((pair) => pair.question || pair.answer);
  }

  add({ question = "", answer = "", ...rest } = {}) {
    const box = (label, value) => node("textarea", { rows: 1, value, placeholder: label, ariaLabel: label, maxLength: 4000, spellcheck: true });
    const first = box("Question", question), remove = node("button", { type: "button", textContent: "Remove" });
    remove.dataset.remove = "";
    const set = node("fieldset", {}, first, box("Answer", answer), remove);
    set.dataset.rest = JSON.stringify(rest);
    this.list.append(set);
    return first;
  }

  edited() {
    this.changed();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), HINT_DELAY);
  }

  async ask() {
    const values = this.values(), asked = this.asked = Symbol("latest");
    const answer = await this.check(values);
    if (asked !== this.asked) return;
    this.hints = answer?.hints ?? {};
    this.showHints();
  }

  showHints() {
    for (const place of this.root.querySelectorAll("[data-hints]")) {
      const { tokens, limit, notes = [] } = this.hints[place.dataset.hints] ?? {};
      const counter = tokens === undefined ? [] : [node("span", { className: tokens > limit ? "over" : "", textContent:
        tokens > limit ? `${tokens} of ${limit} tokens: CLIP reads only the first ${limit}` : `${tokens} of ${limit} tokens` })];
      place.replaceChildren(...counter, ...notes.map((note) => node("span", { className: "note", textContent: note })));
    }
  }
}
