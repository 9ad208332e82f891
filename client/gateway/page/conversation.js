/**
 * One room, or the direct messages with one nick: what is shown, and what was not read yet. Nothing here touches the page.
 * An item is `{ type, id, … }` with the types `message` (sender, text, date), `state` (sender, key, text, deleted, date) and `notice` (text, tone).
 */
import { mentions } from "./format.js";

const ITEMS_MAX = 1000; // items that a conversation keeps; older ones are fetched again while scrolling up
const ITEMS_EXTRA = 200; // beyond it, until they are trimmed: not at each message
const ITEMS_READ = 5000; // items while the user reads older ones
const TOGETHER = 5 * 60 * 1000; // milliseconds within which messages of one sender stand together

export class Conversation {
  items = [];
  unread = 0;
  called = 0; // unread messages that mention the user
  oldest = Infinity; // seq of the oldest entry here
  newest = 0;
  more = false; // there are older entries
  #notices = 0;

  /** `kind`: `room` or `direct`. `read`: the seq up to which the user read the room before. */
  constructor(kind, name, { read = 0 } = {}) {
    Object.assign(this, { kind, name, read, id: `${kind}:${name}`, draft: "" });
  }

  /** A new entry of the room. `seen`: the user looks at it now. Gives the item. */
  entry(entry, nick, seen) {
    this.oldest = Math.min(this.oldest, entry.seq);
    this.newest = Math.max(this.newest, entry.seq);
    const item = itemOf(entry, nick);
    this.#add(item);
    if (seen) this.readAll();
    else if (item.type === "message" && item.sender !== nick && entry.seq > this.read) this.#count(item);
    return item;
  }

  /** A direct message, sent or received. */
  direct({ sender, text, date }, nick, seen) {
    const item = { type: "message", id: `direct-${this.items.length}-${date.getTime()}`, sender, text, date, called: false };
    this.#add(item);
    if (!seen && sender !== nick) this.#count({ ...item, called: true });
    return item;
  }

  /** Something about the conversation itself. Tones: `plain`, `good`, `bad`. */
  notice(text, tone = "plain") {
    const item = { type: "notice", id: `notice-${++this.#notices}`, text, tone };
    this.#add(item);
    return item;
  }

  /** Older entries, which come before all that is here. Gives their items. */
  older({ entries, more }, nick) {
    const fresh = entries.filter(({ seq }) => seq < this.oldest);
    const items = fresh.map((entry) => itemOf(entry, nick));
    this.items.unshift(...items);
    if (fresh.length > 0) this.oldest = fresh[0].seq;
    this.more = more ?? fresh.length > 0;
    return items;
  }

  #add(item) {
    this.items.push(item);
  }

  #count(item) {
    this.unread++;
    this.called += item.called;
  }

  /** The relay lost its log: positions begin anew. */
  anew() {
    Object.assign(this, { read: 0, newest: 0, oldest: Infinity, more: false });
  }

  readAll() {
    this.unread = this.called = 0;
    this.read = Math.max(this.read, this.newest);
  }

  /** Too many items are here. `reading`: the user looks at older ones. */
  isLong(reading) {
    return this.items.length > (reading ? ITEMS_READ : ITEMS_MAX + ITEMS_EXTRA);
  }

  /** Forgets the oldest items beyond the limit. Gives how many. */
  trim() {
    const extra = this.items.length - ITEMS_MAX;
    if (extra <= 0) return 0;
    const gone = this.items.splice(0, extra);
    if (this.kind === "room") {
      this.oldest = this.items.find(({ seq }) => seq !== undefined)?.seq ?? this.oldest;
      this.more = true;
    }
    return gone.length;
  }
}

function itemOf(entry, nick) {
  const { seq, sender, text, date, key, deleted } = entry;
  if (key !== undefined) return { type: "state", id: `seq-${seq}`, seq, sender, key, text, deleted, date };
  return { type: "message", id: `seq-${seq}`, seq, sender, text, date, called: sender !== nick && mentions(text, nick) };
}

/** True if `item` continues what the sender of `before` wrote, so that it needs no head of its own. */
export const continues = (before, item) =>
  before?.type === "message" && item.type === "message" && before.sender === item.sender && item.date - before.date < TOGETHER;
