// The desk: one item at a time is opened, worked on, saved or skipped. Runs as the body of gr.HTML's js_on_load, which
// gives `element` and `server`; PALETTES (name -> 768 numbers) and CHOICES are put before it by ui/editor/component.py.

const find = (selector) => element.querySelector(selector);
const [canvas, palette, level, width, reason, panel] =
  ["canvas", ".palette", ".level", ".width", ".reason", ".panel"].map(find);
const projects = find(".projects"); // the project that is worked on
const HEARTBEAT = 60_000, DRAFT_DELAY = 250, RECENT = 2500, MODEL_PATIENCE = 300_000; // milliseconds

let item = null, picture = null, version = 0; // `version` is what a save is based on
let ahead = null, leaving = "", waiting = false, changedAt = 0;
let reviewing = false; // the way on leads to the next item to decide, not to the next one to answer

// --- the server

// The answer, or null without a connection. Gradio's own caller answers undefined when a request fails.
async function ask(name, payload = {}, patience = PATIENCE) {
  const late = new Promise((resolve) => setTimeout(resolve, patience, null));
  const asked = { project: Number(projects.value) || null, ...payload };
  try { return await Promise.race([server[name](asked), late]) ?? null; } catch { return null; }
}

async function call(name, payload, patience) { // an answer that is no failure, else null and the failure is told
  const answer = await ask(name, payload, patience);
  if (!answer) tell("No connection to the studio. Your work is kept in this browser.");
  else if (answer.error) tell(answer.error);
  return answer && !answer.error ? answer : null;
}

const outbox = new Outbox(ask, settled, (trouble) => { if (trouble) tell(trouble); showLink(); });

let toldAt = 0;
function tell(sentence, ...actions) { // what was said a moment ago stays beside it
  const recent = Date.now() - toldAt < RECENT ? [...find(".note").childNodes].slice(-2) : [];
  find(".note").replaceChildren(...recent, recent.length ? " " : "", sentence, ...actions);
  toldAt = Date.now();
}

function showLink() {
  const count = outbox.waiting().length, place = find(".link");
  place.classList.toggle("lost", count > 0);
  place.textContent = count ? `${count} ${count === 1 ? "save waits" : "saves wait"} for the connection`
    : !outbox.safe ? "This browser stores nothing: don't close the page before saving" : changedAt ? "Draft kept in this browser" : "";
}

// --- one item

const view = new View(canvas);
const hands = new Hands(view, () => { edited(); showTools(); });
const form = new Form(find(".saying"), (fields) => ask("check", { fields, unit: picture?.unit }), edited);
const versions = new Versions(find(".conflict"));

const values = () => ({ ...hands.values(), ...form.values() });

// Fields of an item with everything that may be missing put in, so that comparing is simple.
function whole(fields) {
  const { width: w, height: h } = item;
  return { mask: { size: [w, h], runs: [] }, boxes: [], points: [], caption_global: "", caption_fine: "", questions: [], tags: [],
    quality: "", ...fields };
}

function differing() { // the fields that this project refines and that are no longer as they are stored
  const now = values(), before = whole(item.fields);
  return Object.fromEntries(item.refines.filter((name) => !same(now[name], before[name])).map((name) => [name, now[name]]));
}

async function open(answer, note = "") {
  if (!answer) return;
  versions.close();
  if (answer.progress) showProgress(answer.progress);
  if (answer.who !== undefined) outbox.who = answer.who;
  if (note) tell(note);
  const shows = answer.item && (await Picture.open(answer.picture));
  item = answer.item;
  picture = shows;
  changedAt = 0;
  find(".desk").hidden = !item;
  find(".nothing").innerHTML = item ? "" : answer.nothing ?? "";
  if (!item) { hands.close(); view.picture = null; showLink(); return; }
  version = item.version;
  const draft = outbox.draft(item.sha256);
  put(whole({ ...item.offered, ...draft?.fields }));
  projects.value = item.project;
  address(item.id);
  describe();
  canvas.focus({ preventScroll: true }); // keys are for the new image until a text is chosen
  if (draft) {
    changedAt = draft.at;
    if (draft.version < item.version) stale(draft);
    else tell("Your draft is back. Save it, or drop it to see what is stored.");
  } else if (item.answers) review();
  showLink();
  ahead = ask(nextCall(), { after: item.id }).then((next) => (next?.item ? next : null)); // its image is here before it is needed
}

function put(fields) { // on the desk, all of it
  const mask = new Mask(item.width, item.height, fields.mask.runs);
  paint();
  hands.open(mask, fields.boxes, fields.points);
  view.open(picture, mask);
  form.open(fields);
  showTools();
  showChanges();
}

function describe() {
  find(".facts").textContent = [`#${item.id} ${item.name}`, item.facts, item.source, item.licence].filter(Boolean).join(" · ");
  find(".instructions").textContent = item.instructions;
  const by = Object.groupBy(item.suggestions, (one) => one.model.split(",")[0]);
  const names = Object.entries(by).map(([model, all]) => `${all.map((one) => FIELD_NAMES[one.field].toLowerCase()).join(", ")} (${model})`);
  find(".suggested").hidden = !names.length;
  find(".suggested").textContent = names.length ? `Suggested by models, please check: ${names.join(", ")}` : "";
  for (const part of element.querySelectorAll("[data-field]")) part.closest("label").hidden = !item.refines.includes(part.dataset.field);
  for (const part of [".questions", "[data-do=question]"]) find(part).hidden = !item.refines.includes("questions");
}

function address(id) { // the item's own link
  const url = new URL(window.location);
  url.searchParams.set("item", id);
  history.replaceState(history.state, "", url);
}

let keeping = 0;
function edited() {
  if (!item) return;
  changedAt = Date.now();
  clearTimeout(keeping);
  keeping = setTimeout(keepDraft, DRAFT_DELAY);
  view.refresh();
}

function keepDraft() {
  clearTimeout(keeping);
  if (!item || !changedAt) return;
  const fields = differing();
  if (Object.keys(fields).length) outbox.keep(item.sha256, { item: item.id, version, fields, base: item.fields, at: changedAt });
  else { outbox.drop(item.sha256); changedAt = 0; }
  showChanges(fields);
  showLink();
}
window.addEventListener("pagehide", keepDraft);

function dropDraft() {
  outbox.drop(item.sha256);
  version = item.version;
  changedAt = 0;
  versions.close();
  put(whole(item.offered));
  tell("Draft dropped: this is what is stored.");
  showLink();
}

function showChanges(fields = differing()) {
  const before = whole(item.fields), names = Object.keys(fields);
  find(".changes summary").textContent = names.length
    ? `Your changes: ${names.map((name) => FIELD_NAMES[name].toLowerCase()).join(", ")}` : "No change yet";
  find(".changes dl").replaceChildren(...names.flatMap((name) => [node("dt", { textContent: FIELD_NAMES[name] }),
    node("dd", {}, ...diffNodes(inWords(name, before[name]), inWords(name, fields[name])))]));
}

// --- sending

async function submit(name, more = {}) {
  if (!item || leaving) return;
  if (versions.shown && name !== "skip") { tell("Settle the versions first: choose a side for each field, and put the merge on the desk."); return; }
  keepDraft();
  changedAt = 0; // what is changed from here on is a new draft
  const payload = { item: item.id, sha256: item.sha256, version, key: newKey(), ...more };
  const about = { name: item.name, fields: more.fields ?? differing(), base: item.fields };
  leaving = payload.key;
  const answered = await outbox.post(name, payload, about);
  if (answered) return; // `settled` has seen to it
  leaving = "";
  outbox.drop(item.sha256); // the waiting save has it
  await next("Kept in this browser. It will be sent once when the connection is back.");
}

function refined() { // what a save holds: every field that this project refines
  const now = values();
  return { fields: Object.fromEntries(item.refines.map((name) => [name, now[name]])) };
}

const save = () => submit("save", refined());
const makeGold = () => submit("make_gold", refined());

function skip() {
  if (!reason.value) { reason.focus(); tell("Choose why you skip this item, then press Skip."); return; }
  submit("skip", { reason: reason.value }).then(() => { reason.value = ""; });
}

function settled(entry, answer) { // once for every save and skip, perhaps long after, perhaps after a reload
  const here = entry.payload.key === leaving, { sha256, item: id } = entry.payload, { name, fields, base } = entry.about;
  if (here) leaving = "";
  if (!answer.error && !answer.theirs) {
    if (outbox.draft(sha256)?.version <= entry.payload.version) outbox.drop(sha256);
    const words = { save: `Saved ${name}, version ${answer.version}.`, skip: `Skipped ${name}.`,
      make_gold: `${name} is a test item now: everybody gets it once, without knowing.` }[entry.name];
    if (here) next(words);
    else tell(words);
    return;
  }
  const draft = { item: id, version: entry.payload.version, fields, base, at: entry.at };
  outbox.keep(sha256, draft); // nothing that was refused is lost
  if (here && answer.theirs) { item = { ...item, ...answer.theirs }; stale(draft, answer.error); return; }
  tell(`${name}: ${answer.error} `, node("button", { type: "button", textContent: "Open it", onclick: () => go(id) }));
}

function stale(draft, sentence) { // somebody saved meanwhile: both versions, nothing overwritten
  sentence ??= `${item.user ?? "Somebody"} changed this item after your draft began. Nothing was overwritten.`;
  tell(sentence);
  const theirs = whole(item.fields), mine = { ...theirs, ...draft.fields }, before = whole(draft.base ?? {});
  versions.open({ sentence, picture, done: merged, other: dropDraft, otherwise: "Take theirs",
    versions: [{ title: `Theirs (${item.user})`, fields: theirs }, { title: "Yours", fields: mine }],
    start: (name) => firstChoice(before[name], mine[name], theirs[name]) });
}

function review() { // everybody's answers side by side; what the reviewer saves is the decision
  const title = ({ user, state, fields }) => (state === "skipped" ? `${user}, skipped: ${fields.reason}` : user);
  const apart = item.apart === null ? "" : `, centres ${item.apart.toFixed(1)} px apart`;
  const agreed = Object.entries(item.agreement).map(([name, value]) =>
    `${FIELD_NAMES[name].toLowerCase()} ${value.toFixed(2)}${name === "mask" ? apart : ""}`);
  versions.open({ picture, done: merged, other: leave, otherwise: "Leave it to another reviewer",
    sentence: `${item.answers.length} answers wait for your decision.${agreed.length ? ` Agreement: ${agreed.join(", ")}.` : ""}`,
    versions: item.answers.map((one) => ({ title: title(one), fields: whole(one.fields) })), start: () => null });
}

async function suggest() { // what the models propose, beside what is on the desk
  const { id, sha256 } = item;
  tell("The models look at this image. You can go on meanwhile.");
  const answer = await call("suggest", { item: id, sha256 }, MODEL_PATIENCE);
  if (!answer || item?.id !== id) return;
  item.suggestions = answer.suggestions;
  describe();
  const mine = values(), proposed = { ...mine, ...Object.fromEntries(answer.suggestions.map(({ field, value }) => [field, value])) };
  versions.open({ picture, done: merged, other: () => {}, otherwise: "Keep mine",
    sentence: "The models' proposals. Check them: small models are often wrong.",
    versions: [{ title: "On the desk", fields: mine }, { title: "Suggested", fields: proposed }],
    start: (name) => (isEmpty(mine[name]) ? 1 : 0) });
}

function merged(fields) {
  version = item.version; // the person has seen it
  put(whole(fields));
  edited();
  keepDraft();
  canvas.focus({ preventScroll: true });
  tell("The merge is on the desk. Look at it, then save.");
}

// --- the way from item to item

const nextCall = () => (reviewing ? "next_review" : "next_item");

async function next(note = "") {
  keepDraft();
  const ready = await ahead;
  ahead = null;
  const answer = ready ?? await ask(nextCall(), { after: note ? undefined : item?.id });
  if (answer && !answer.error) { waiting = false; await open(answer, note); return; }
  tell(answer?.error ?? `${note} No connection: the next item opens when it is back.`);
  if (!waiting) { waiting = true; retryNext(note); }
}

function retryNext() {
  setTimeout(async () => {
    if (!waiting || !element.isConnected) return;
    const answer = await ask(nextCall());
    if (!answer || answer.error) { retryNext(); return; }
    waiting = false;
    await open(answer, "The connection is back.");
  }, 2000);
}

async function go(id, note) {
  keepDraft();
  ahead = null;
  if (panel.open) panel.close();
  await open(await call("open_item", { item: id }), note);
}
async function leave() { // without an answer: others may have it, this person's draft stays
  keepDraft();
  if (item) await ask("give_back", { item: item.id });
  await next();
}

async function startWith(review) { // from here on: items to decide, or items to answer
  reviewing = review;
  ahead = null;
  await next();
}

async function back() {
  keepDraft();
  await open(await call("last_item"));
}

async function unsave() {
  keepDraft();
  const answer = await call("undo_save");
  if (answer) await open(answer, answer.note);
}

function showProgress({ share, words, review }) {
  find("[data-do=review]").textContent = review ? `Review (${review})` : "Review";
  find(".progress i").style.width = `${share}%`;
  find(".progress").setAttribute("aria-valuenow", Math.round(share));
  find(".progress").title = words;
}

setInterval(() => { if (item && root.offsetParent) ask("heartbeat", { item: item.id }); }, HEARTBEAT);
