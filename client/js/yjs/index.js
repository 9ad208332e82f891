/**
 * Yjs documents over zrelay: a room holds a document. Updates are entries, snapshots are keyed entries, cursors go over a second room.
 *
 *   const doc = new Y.Doc();
 *   const provider = new ZrelayProvider(relay, "notes/monday", doc, { awareness });
 *   await provider.whenSynced;
 *
 * What is typed offline is published when the connection is back. If the relay lost its log, the clients put the document there again.
 */
import * as Y from "yjs";
import { hex, randomBytes } from "../lib/edge.js";
import { Emitter } from "../lib/emitter.js";
import { AwarenessLink } from "./awareness.js";
import { Parts, encodeAsk, encodeUpdate } from "./parts.js";
import { isSnapshotKey, readSnapshot, writeSnapshot } from "./snapshot.js";

const GATHER = 20; // milliseconds that updates wait for further ones, by default
const SNAPSHOT_UPDATES = 200; // updates since the last snapshot, after which another one is written, by default
const SNAPSHOT_WAIT = 2000; // milliseconds; a random time up to it, so that one client writes and the others see it
const RETRY = 5000; // milliseconds until a failed attempt is made again
const SLICE = 1000; // entries of one replay
const BODY_SPARE = 512; // bytes of a frame for what stands around a body

/** Events: `synced`, and `problem` (an Error) for what the program may want to tell its user. */
export class ZrelayProvider extends Emitter {
  synced = false;
  /** Fulfilled once the document has all that the room holds. */
  whenSynced;
  #relay;
  #name;
  #doc;
  #options;
  #room = null;
  #awareness = null;
  #parts = new Parts();
  #waiting = []; // local updates that are not published yet
  #timers = new Map();
  #sinceSnapshot = 0; // updates
  #busy = Promise.resolve(); // one reconciliation or snapshot at a time
  #offs = [];
  #closed = false;

  /**
   * `options`: `awareness` (of y-protocols), `awarenessRoom` (default: the room's name and `/awareness`), `snapshotEvery` updates, `gather` and
   * `snapshotWait` milliseconds.
   */
  constructor(relay, room, doc, options = {}) {
    super();
    this.#relay = relay;
    this.#name = room;
    this.#doc = doc;
    this.#options = { gather: GATHER, snapshotEvery: SNAPSHOT_UPDATES, snapshotWait: SNAPSHOT_WAIT, awarenessRoom: `${room}/awareness`, ...options };
    const local = (update, origin) => origin !== this && this.#typed(update);
    doc.on("update", local);
    this.#offs.push(() => doc.off("update", local));
    this.whenSynced = new Promise((resolve) => this.once("synced", () => resolve(this)));
    this.#start();
  }

  #start() {
    this.#attempt(() => this.#enter(), "start");
    if (!this.#options.awareness) return;
    this.#awareness = new AwarenessLink(this.#relay, this.#options.awarenessRoom, this.#options.awareness);
    this.#awareness.open().catch((error) => this.emit("problem", error));
  }

  /** Runs one task after the other, and a failed one again later. */
  #attempt(task, name) {
    this.#busy = this.#busy.then(() => this.#closed || task()).catch((error) => {
      if (this.#closed) return;
      this.emit("problem", error);
      this.#later(name, RETRY, () => this.#attempt(task, name));
    });
    return this.#busy;
  }

  #later(name, wait, run) {
    clearTimeout(this.#timers.get(name));
    this.#timers.set(name, setTimeout(() => (this.#timers.delete(name), this.#closed || run()), wait));
  }

  // Reading

  /** Reads what the room holds, then follows it. */
  async #enter() {
    const { seq, epoch } = await this.#reconcile();
    const room = (this.#room = this.#relay.room(this.#name, { after: seq, epoch, presence: false }));
    room.on("entry", (entry) => this.#take(entry));
    room.on("lost", () => this.#later("reconcile", Math.random() * this.#options.snapshotWait, () => this.#attempt(() => this.#reconcile(true), "reconcile")));
    await room.entered();
    if (this.synced) return;
    this.synced = true;
    this.emit("synced");
  }

  #take(entry) {
    if (entry.key !== undefined) return this.#keyed(entry);
    const { update, ask } = this.#parts.take(entry);
    if (update && this.#apply(update)) this.#sinceSnapshot++;
    if (ask && entry.sender !== this.#relay.nick) this.#snapshotLater();
    if (this.#sinceSnapshot >= this.#options.snapshotEvery && !this.#timers.has("snapshot")) this.#snapshotLater();
  }

  #keyed(entry) {
    if (entry.key !== "snapshot" || entry.deleted) return;
    this.#sinceSnapshot = 0;
    clearTimeout(this.#timers.get("snapshot"));
    this.#timers.delete("snapshot");
  }

  /** False for an update that no Yjs wrote. */
  #apply(update) {
    try {
      Y.applyUpdate(this.#doc, update, this);
      return true;
    } catch (error) {
      this.emit("problem", error);
      return false;
    }
  }

  /**
   * Brings document and room together: the document gets what the room holds, and the room what only the document has. Gives the position up
   * to which the room was read. `ask`: something was lost, so others may have to put it back as well.
   */
  async #reconcile(ask = false) {
    const held = await this.#read();
    const before = Y.encodeStateVector(this.#doc).length > 1 || this.#doc.store.pendingStructs !== null;
    for (const update of held.updates) this.#apply(update);
    if (before) this.#putBack(held.updates);
    if (ask) await this.#relay.publish(this.#name, encodeAsk());
    this.#sinceSnapshot = held.updates.length;
    return held;
  }

  /** All that the room holds: the snapshot, and the updates after it. */
  async #read() {
    for (;;) {
      const { epoch } = this.#relay;
      const { base, update } = await readSnapshot(this.#relay, this.#name);
      const updates = update ? [update] : [];
      const parts = new Parts();
      let after = base;
      for (let more = true; more; ) {
        const slice = await this.#relay.history(this.#name, { after, limit: SLICE });
        for (const entry of slice.entries) if (!isSnapshotKey(entry.key)) updates.push(...Object.values(pick(parts.take(entry))));
        ({ seq: after, more } = slice);
      }
      if (epoch === this.#relay.epoch) return { updates, epoch, seq: parts.whole(after) };
    }
  }

  /** Publishes what the document has and the room has not: typed before the provider came, or lost with the relay's log. */
  #putBack(updates) {
    const held = new Y.Doc({ gc: false });
    for (const update of updates) {
      try {
        Y.applyUpdate(held, update);
      } catch {
        // it was told of when it was applied to the document
      }
    }
    if (!Y.equalSnapshots(Y.snapshot(held), Y.snapshot(this.#doc))) this.#typed(Y.encodeStateAsUpdate(this.#doc, Y.encodeStateVector(held)));
    held.destroy();
  }

  // Writing

  #typed(update) {
    this.#waiting.push(update);
    if (!this.#timers.has("publish")) this.#later("publish", this.#options.gather, () => this.#publish());
  }

  get #bodyMax() {
    return this.#relay.limits.frame - BODY_SPARE;
  }

  async #publish() {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) return;
    const id = randomBytes(8);
    try {
      await Promise.all(encodeUpdate(Y.mergeUpdates(waiting), this.#bodyMax, id).map((body) => this.#relay.publish(this.#name, body)));
    } catch (error) {
      if (this.#closed) return;
      this.emit("problem", error); // the room lacks the update: it is put back later
      this.#later("reconcile", RETRY, () => this.#attempt(() => this.#reconcile(), "reconcile"));
    }
  }

  #snapshotLater() {
    this.#later("snapshot", Math.random() * this.#options.snapshotWait, () => this.#attempt(() => this.snapshot(), "snapshot"));
  }

  /** Writes a snapshot now. True: it stands; false: another client was faster. */
  async snapshot() {
    if (!this.#room) return false;
    const { seq: expect, parts: old, base: before } = await readSnapshot(this.#relay, this.#name);
    const base = this.#parts.whole(this.#room.position.after);
    if (base <= before && before > 0) return false;
    const id = hex(8);
    const update = Y.encodeStateAsUpdate(this.#doc);
    return writeSnapshot(this.#relay, this.#name, { update, base, expect, old, id, size: this.#bodyMax });
  }

  /** Publishes what waits, and leaves the rooms; the relay goes on. */
  async destroy() {
    await this.#publish();
    this.#closed = true;
    for (const off of this.#offs) off();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#awareness?.close();
    this.#room?.leave();
  }
}

/** The update of what an entry was, if it was one. */
const pick = ({ update }) => (update ? { update } : {});
