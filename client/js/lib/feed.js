/**
 * What a loop reads from a room. It holds a bounded number of entries. A loop that is slower falls behind, and gets the rest by replay.
 * `replay(after, limit, done)` reads entries from the log; `last()` is the seq of the newest entry that the room had.
 */
import { Deque } from "./deque.js";

const ENTRIES_MAX = 10000; // entries that wait for the loop
const BYTES_MAX = 16 * 1024 * 1024; // bytes of their bodies
const SLICE = 1000; // entries of one replay for a loop that fell behind

/** How much may wait, in one feed or in several together. */
export class Budget {
  constructor(entries = ENTRIES_MAX, bytes = BYTES_MAX) {
    Object.assign(this, { entries, bytes });
  }

  get spent() {
    return this.entries <= 0 || this.bytes <= 0;
  }

  /** An item waits (1), or does not wait any more (-1). */
  take(item, sign = 1) {
    if (item.type !== "entry") return;
    this.entries -= sign;
    this.bytes -= sign * item.body.length;
  }
}

export class Feed {
  #items = new Deque();
  #budget;
  #position = null; // seq of the newest entry that was queued
  #behind = false;
  #reading = false; // a replay is under way
  #readers = [];
  #ended = false;
  #replay;
  #last;
  #ready;

  /** `ready` is called when an item comes, or may be had by `take`. */
  constructor(replay, last, budget = new Budget(), ready = () => {}) {
    this.#replay = replay;
    this.#last = last;
    this.#budget = budget;
    this.#ready = ready;
  }

  /** An item of the room: an entry, or `lost`, or `left`. */
  push(item) {
    if (this.#ended) return;
    if (this.#behind) return this.#missed(item);
    if (item.type === "entry" && this.#budget.spent) {
      this.#behind = true;
      if (this.#items.length === 0) this.#ready(); // other feeds spent the budget; the next call of take begins to catch up
      return;
    }
    this.#queue(item);
  }

  /** Another epoch voids the position. Everything else is found again by the replay. */
  #missed(item) {
    if (item.type === "entry" || item.reason === "gone") return;
    if (item.type === "lost") {
      this.#behind = false;
      this.#queue(item);
    } else {
      this.#queue({ type: "lost", room: item.room, reason: "left", after: this.#position });
      this.#queue(item);
    }
  }

  #queue(item) {
    if (item.type === "entry") {
      this.#position = item.seq;
    } else if (item.type === "lost") {
      this.#position = item.next ?? this.#position;
    } else if (item.type === "left") {
      this.#ended = true;
    }
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve({ value: item, done: false });
    } else {
      this.#budget.take(item);
      this.#items.push(item);
      this.#ready();
    }
    if (this.#ended) this.#endReaders();
  }

  /** Ends the loops, after what they did not read yet. */
  end() {
    this.#ended = true;
    this.#endReaders();
  }

  #endReaders() {
    if (this.#items.length === 0) for (const { resolve } of this.#readers.splice(0)) resolve({ value: undefined, done: true });
  }

  get waiting() {
    return this.#items.length;
  }

  /** The next item, or undefined if there is none now. */
  take() {
    const item = this.#items.shift();
    if (item) this.#budget.take(item, -1);
    if (this.#items.length === 0) this.#catchUp();
    return item;
  }

  /** Nobody reads it any more: gives its place in the budget back. */
  drop() {
    this.end();
    while (this.#items.length > 0) this.take();
  }

  next() {
    if (this.#items.length > 0) return Promise.resolve({ value: this.take(), done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => {
      this.#readers.push({ resolve });
      this.#catchUp();
    });
  }

  /** Reads the next slice, as long as the loop is behind what the room had. */
  #catchUp() {
    if (!this.#behind || this.#reading || this.#ended) return;
    this.#reading = true;
    const from = this.#position ?? 0;
    this.#replay(from, SLICE, (error, slice) => {
      this.#reading = false;
      if (!this.#behind || (this.#position ?? 0) !== from) return;
      this.#behind = false; // so that `push` takes the entries
      if (error) this.#queue({ type: "lost", room: slice?.room, reason: error.code, after: from, next: this.#last() });
      else this.#take(from, slice);
      if (!this.#behind || this.#items.length > 0) return;
      if (this.#budget.spent) this.#ready();
      else this.#catchUp();
    });
  }

  #take(from, { room, entries, complete, more, seq }) {
    const next = entries.length > 0 ? entries[0].seq - 1 : Math.max(seq, more ? seq : this.#last());
    if (!complete || (entries.length === 0 && next > from)) this.#queue({ type: "lost", room, reason: "gone", after: from, next });
    for (const entry of entries) this.push(entry);
    this.#behind ||= more || this.#position < this.#last();
  }
}
