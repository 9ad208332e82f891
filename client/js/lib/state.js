/**
 * The live state of a room: the last entry of each key. It is a Map from the key to its Entry (`entry.text`, `entry.seq`), to be read only;
 * `put` and `remove` publish, and the Map changes when the room says so. Event `change`: `{ key, entry, before }`, where `entry` is undefined
 * for a deleted key.
 *
 * It knows no socket: `load(after, done)` reads a slice of the snapshot, `publish(body, options)` publishes.
 */
import { Emitter } from "./emitter.js";

const ATTEMPTS_MAX = 20; // of `update`, when others change the key at the same time

export class LiveState extends Map {
  #events = new Emitter();
  #load;
  #publish;
  #loading = null; // the snapshot so far, and the newest entry of each key that came meanwhile
  #from = 0; // the snapshot's position: older entries are in it
  #ready = [];
  #over = false;

  constructor(load, publish) {
    super();
    this.#load = load;
    this.#publish = publish;
  }

  on(name, listener) {
    return this.#events.on(name, listener);
  }

  off(name, listener) {
    this.#events.off(name, listener);
  }

  /**
   * Publishes a value. `expect`: only over the value with this seq, 0 for none; else it is rejected with `conflict`. `ttl`: the broker deletes the
   * key after so many milliseconds, unless it has another value by then.
   */
  put(key, body, { expect, ttl } = {}) {
    return this.#publish(body, { key, expect, ttl });
  }

  remove(key, { expect } = {}) {
    return this.#publish(undefined, { key, expect, deleted: true });
  }

  /**
   * Reads, decides, and publishes with compare-and-set, again until nobody else changed the key meanwhile. `decide(entry)` gets the Entry, or
   * undefined, and returns the new body, or undefined to leave the key alone.
   */
  async update(key, decide) {
    for (let attempt = 1; ; attempt++) {
      const entry = this.get(key);
      const body = decide(entry);
      if (body === undefined) return null;
      try {
        return await this.put(key, body, { expect: entry?.seq ?? 0 });
      } catch (error) {
        if (error.code !== "conflict" || attempt === ATTEMPTS_MAX) throw error;
        await this.#passes(key, error.seq ?? 0, entry);
      }
    }
  }

  /** Waits until the entry that won over `before` is here, or the room is left; if the winner deleted the key, `seq` is 0. */
  #passes(key, seq, before) {
    return new Promise((resolve) => {
      const look = () => {
        const now = this.get(key);
        if (!this.#over && (now === before || now?.seq < seq)) return;
        for (const off of offs) off();
        resolve();
      };
      const offs = ["change", "over"].map((name) => this.on(name, look));
      look();
    });
  }

  /** The room is left: nothing changes any more. */
  end() {
    this.#over = true;
    this.#events.emit("over");
  }

  // What the room says

  /** Reads the snapshot. `done(error)` is called once the Map is whole. */
  reload(done = () => {}) {
    this.#ready.push(done);
    this.#loading = { values: new Map(), newer: new Map(), seq: null };
    this.#slice(this.#loading, 0);
  }

  #slice(loading, after) {
    this.#load(after, (error, m) => {
      if (loading !== this.#loading) return; // it was begun anew
      if (error) return this.#loaded(error);
      for (const entry of m.entries) loading.values.set(entry.key, entry);
      loading.seq ??= m.seq;
      if (m.more) return this.#slice(loading, m.next);
      this.#loading = null;
      this.#from = loading.seq;
      this.#replace(loading);
      this.#loaded(null);
    });
  }

  #loaded(error) {
    this.#loading = null;
    for (const done of this.#ready.splice(0)) done(error);
  }

  /** The snapshot, and over it what came after its position. */
  #replace({ values, newer, seq }) {
    for (const [key, entry] of newer) if (entry.seq > seq) values.set(key, entry);
    for (const key of [...this.keys()]) if (!values.has(key)) this.#set(key, undefined);
    for (const [key, entry] of values) this.#set(key, entry.deleted ? undefined : entry);
  }

  /** A keyed entry of the room, in the room's order. */
  entry(entry) {
    if (this.#loading) this.#loading.newer.set(entry.key, entry);
    else if (entry.seq > this.#from) this.#set(entry.key, entry.deleted ? undefined : entry);
  }

  #set(key, entry) {
    const before = this.get(key);
    if (before?.seq === entry?.seq) return;
    if (entry) super.set(key, entry);
    else super.delete(key);
    this.#events.emit("change", { key, entry, before });
  }

  set() {
    throw new TypeError("the Map shows the room; publish with `put`");
  }

  delete() {
    throw new TypeError("the Map shows the room; publish with `remove`");
  }

  clear() {
    throw new TypeError("the Map shows the room; publish with `remove`");
  }
}
