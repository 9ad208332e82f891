/** What texts, names and times look like. Nothing here touches the page. */

const HUES = 12;
const PART = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])|(`[^`\n]+`)/gu;
const WORD = /[\p{L}\p{N}_-]/u;
// Characters that turn the direction of writing, or control something: they are shown as their number.
const HARMFUL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A number from 0 to 11 that belongs to the name. */
export function hueOf(nick) {
  let hash = 7;
  for (const char of nick) hash = (hash * 31 + char.codePointAt(0)) % 100003;
  return hash % HUES;
}

/** The text without characters that could deceive the reader. */
export const harmless = (text) => text.replace(HARMFUL, (char) => `⟨${char.codePointAt(0).toString(16).padStart(4, "0")}⟩`);

/** True if the text names `nick` as a word, with or without an at sign, in whatever case. */
export const mentions = (text, nick) => places(text, nick).length > 0;

function places(text, nick) {
  const [low, name] = [text.toLowerCase(), nick.toLowerCase()];
  const found = [];
  if (name === "" || low.length !== text.length) return found;
  for (let at = low.indexOf(name); at >= 0; at = low.indexOf(name, at + name.length)) {
    const before = [...low.slice(Math.max(0, at - 2), at)].at(-1) ?? " ";
    const after = [...low.slice(at + name.length, at + name.length + 2)][0] ?? " ";
    if (!WORD.test(before) && !WORD.test(after)) found.push([before === "@" ? at - 1 : at, at + name.length]);
  }
  return found;
}

/** The parts of a message: `{ kind, text }` with the kinds `text`, `link`, `code` and `mention`. */
export function parts(text, nick) {
  const all = [];
  let at = 0;
  for (const match of text.matchAll(PART)) {
    all.push(...mentioned(text.slice(at, match.index), nick));
    all.push(match[1] ? { kind: "link", text: match[1] } : { kind: "code", text: match[2].slice(1, -1) });
    at = match.index + match[0].length;
  }
  return [...all, ...mentioned(text.slice(at), nick)];
}

function mentioned(text, nick) {
  const all = [];
  let at = 0;
  for (const [from, to] of places(text, nick)) {
    if (from > at) all.push({ kind: "text", text: text.slice(at, from) });
    all.push({ kind: "mention", text: text.slice(from, to) });
    at = to;
  }
  if (at < text.length) all.push({ kind: "text", text: text.slice(at) });
  return all;
}

const STATUS_MAX = 80; // characters that are shown of what a user shows

/** What a user's meta shows (PROTOCOL.md, "Metas"): `{ away, text }`. */
export function statusOf(meta) {
  const words = (value) => (typeof value === "string" ? [...value].slice(0, STATUS_MAX).join("") : "");
  if (typeof meta?.away !== "string") return { away: false, text: words(meta?.status) };
  return { away: true, text: meta.away ? `away: ${words(meta.away)}` : "away" };
}

/** The meta that shows so much; while the user is away, the text says why. */
export function metaOf({ status, away }) {
  if (away) return { away: status };
  return status ? { status } : {};
}

export const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

/** Today, yesterday, or the day. */
export function day(date, now = new Date()) {
  const days = Math.round((midnight(now) - midnight(date)) / 86400000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

export const sameDay = (one, other) => midnight(one).getTime() === midnight(other).getTime();

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
