/**
 * What a loop reads from a room. It holds a bounded number of entries. A loop that is slower falls behind, and gets the rest by replay.
 * `replay(after, limit, done)` reads entries from the log; `last()` is the seq of the newest entry that the room had.
 */
import { Deque } from "./deque.js";

const ENTRIES_MAX = 10000; // entries that wait for the loop
const BYTES_MAX = 16 * 1024 * 1024; // bytes of their bodies
const SLICE = 1000; // entries of one replay for a loop that fell behind

export class Feed {
  #items = new Deque();
  #bytes = 0;
  #position = null; // seq of the newest entry that was queued
  #behind = false;
  #reading = false; // a replay is under way
  #readers = [];
  #ended = false;
  #replay;
  #last;

  constructor(replay, last) {
    this.#replay = replay;
    this.#last = last;
  }

  /** An item of the room: an entry, or `lost`, or `left`. */
  push(item) {
    if (this.#ended) return;
    if (this.#behind) return this.#missed(item);
    if (item.type === "entry" && this.#full()) {
      this.#behind = true;
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

  #full() {
    return this.#items.length >= ENTRIES_MAX || this.#bytes >= BYTES_MAX;
  }

  #queue(item) {
    if (item.type === "entry") {
      this.#position = item.seq;
      this.#bytes += item.body.length;
    } else if (item.type === "lost") {
      this.#position = item.next ?? this.#position;
    } else if (item.type === "left") {
      this.#ended = true;
    }
    const reader = this.#readers.shift();
    if (reader) {
      this.#bytes -= item.body?.length ?? 0;
      reader.resolve({ value: item, done: false });
    } else {
      this.#items.push(item);
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

  next() {
    const item = this.#items.shift();
    if (item) {
      this.#bytes -= item.body?.length ?? 0;
      if (this.#items.length === 0) this.#catchUp();
      return Promise.resolve({ value: item, done: false });
    }
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
      if (this.#behind && this.#items.length === 0) this.#catchUp();
    });
  }

  #take(from, { room, entries, complete, more, seq }) {
    const next = entries.length > 0 ? entries[0].seq - 1 : Math.max(seq, more ? seq : this.#last());
    if (!complete || (entries.length === 0 && next > from)) this.#queue({ type: "lost", room, reason: "gone", after: from, next });
    for (const entry of entries) this.push(entry);
    this.#behind ||= more || this.#position < this.#last();
  }
}
