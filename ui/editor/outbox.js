// Drafts, and saves on their way, in the browser's own storage: neither a lost connection nor a reload loses them.
// A save gets its key once; the server answers the same key the same, so however often it is sent it counts once.

const RETRY = [1, 2, 4, 8, 15]; // seconds between attempts, the last one from then on
const PATIENCE = 20_000; // milliseconds after which an answer counts as lost

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

class Outbox {
  // send(name, payload) -> answer, or null without a connection; settled(entry, answer) once for every entry that is answered
  constructor(send, settled, changed) {
    Object.assign(this, { send, settled, changed, who: "", attempt: 0, memory: new Map(), sending: null });
    window.addEventListener("online", () => this.flush());
  }

  // Storage may be full or forbidden (private browsing): then things live as long as the page, and `safe` is false.
  write(key, value) {
    const text = JSON.stringify(value);
    this.memory.set(key, text);
    try { localStorage.setItem(key, text); this.memory.delete(key); } catch { /* kept in memory */ }
  }

  read(key) {
    try { return JSON.parse(this.memory.get(key) ?? localStorage.getItem(key)); } catch { return null; }
  }

  remove(key) {
    this.memory.delete(key);
    try { localStorage.removeItem(key); } catch { /* was never there */ }
  }

  keys(kind) {
    let stored = [];
    try { stored = Object.keys(localStorage); } catch { /* forbidden */ }
    return [...new Set([...stored, ...this.memory.keys()])].filter((key) => key.startsWith(this.name(kind, ""))).sort();
  }

  name(kind, key) { return `studio:${this.who}:${kind}:${key}`; }
  get safe() { return !this.memory.size; }

  draft(sha256) { return this.read(this.name("draft", sha256)); }
  keep(sha256, draft) { this.write(this.name("draft", sha256), draft); }
  drop(sha256) { this.remove(this.name("draft", sha256)); }

  waiting() { return this.keys("out").map((key) => this.read(key)).filter(Boolean); }

  // Resolves to whether it was answered; otherwise it waits for the connection.
  async post(name, payload, about) {
    const at = Date.now(), place = this.name("out", `${at}-${payload.key}`);
    this.write(place, { name, payload, about, at, place });
    await this.flush();
    return this.read(place) === null;
  }

  flush() {
    clearTimeout(this.timer);
    this.sending = (this.sending ?? Promise.resolve()).then(() => this.drain());
    return this.sending;
  }

  async drain() {
    for (const entry of this.waiting()) {
      this.changed();
      const answer = await this.send(entry.name, entry.payload);
      if (!answer || answer.again) {
        this.timer = setTimeout(() => this.flush(), 1000 * RETRY[Math.min(this.attempt++, RETRY.length - 1)]);
        this.changed(answer?.error);
        return;
      }
      this.attempt = 0;
      this.remove(entry.place);
      this.settled(entry, answer);
    }
    this.changed();
  }
}
