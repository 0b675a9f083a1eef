// What changed in a text, word by word.

// Longest common subsequence: [[-1 | 0 | 1, word], ...], removed, kept, added.
function wordDiff(before, after) {
  const [a, b] = [before, after].map((text) => text.match(/\S+/g) ?? []);
  const best = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--)
    best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  const steps = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) { steps.push([0, a[i++]]); j++; }
    else if (j >= b.length || (i < a.length && best[i + 1][j] >= best[i][j + 1])) steps.push([-1, a[i++]]);
    else steps.push([1, b[j++]]);
  }
  return steps;
}

const node = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};

function diffNodes(before, after) { // text only: nothing a person wrote becomes markup
  return wordDiff(before, after).map(([sign, word]) => node(sign < 0 ? "del" : sign ? "ins" : "span", { textContent: `${word} ` }));
}

const isEmpty = (value) => !value || (Array.isArray(value) ? !value.length : value.runs ? !value.runs.length : false);
const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

// A field's value as one line of plain words.
function inWords(name, value) {
  if (value === null || value === undefined || value === "") return "";
  if (name === "mask") { // pixel counts: the picture shows the rest
    let pixels = 0;
    for (let r = 1; r < value.runs.length; r += 2) pixels += value.runs[r];
    return `${pixels} px masked, ${value.runs.length / 2} runs`;
  }
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.map((one) => inWords("", one)).join(typeof value[0] === "number" ? ", " : "; ");
  return Object.values(value).map((one) => inWords("", one)).filter(Boolean).join(" ");
}
