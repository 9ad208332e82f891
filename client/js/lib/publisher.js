/**
 * Publishing exactly once, as PROTOCOL.md, section 8, has it: entries get rising ids, are kept until they are answered, and are sent again in
 * order in each new session. `send(frame)` sends a PUBLISH frame; there is no socket and no clock here.
 */
import { Deque } from "./deque.js";
import { ZrelayError } from "./error.js";
import { bytes, encodePublish, entrySize, keyName, publishHead, roomName } from "./wire.js";

const COMPARED_MAX = 64; // compare-and-set entries unanswered: the broker remembers as many refusals
const QUEUE_BYTES = 64 * 1024 * 1024; // bytes of unanswered entries, by default
const EAGER_FRAMES = 8; // frames under way, beyond which entries wait for company
const COMPANY_WAIT = 5; // milliseconds, at most
const COMPANY_BYTES = 64 * 1024; // of entries that wait no longer
const WHOLE_FRAME_CODES = ["bad-frame", "bad-id"]; // nothing of the frame was stored, though the error names its first id only

export class Publisher {
  queueBytes = QUEUE_BYTES;
  #send;
  #limits;
  #nextMid = 1;
  #unsent = new Deque(); // in the order of their ids
  #unsentBytes = 0;
  #flight = new Deque(); // sent in this session, in the order of their ids
  #flightBytes = 0;
  #flightFrames = 0;
  #compared = 0; // of those in flight
  #bytes = 0; // of all that are unanswered
  #open = false; // there is a session, and no pause
  #gathering = false; // entries wait for company
  #idle = [];
  #later;

  /** `later(wait, run)` runs once after so many milliseconds. */
  constructor(send, limits, later) {
    this.#send = send;
    this.#later = later;
    this.#limits = limits;
  }

  get unanswered() {
    return this.#flight.length + this.#unsent.length;
  }

  /** Queues an entry. The promise is fulfilled with the ack `{ room, seq, level }`, or rejected with the broker's refusal. */
  publish(room, body, { key, expect, deleted = false, ttl } = {}) {
    return new Promise((resolve, reject) => {
      const entry = this.#entry(room, body, key, expect, deleted, ttl);
      this.#nextMid++;
      this.#bytes += entry.size;
      this.#unsentBytes += entry.size;
      if (this.#unsent.push({ ...entry, resolve, reject }) === 1) queueMicrotask(() => this.flush());
      else if (this.#unsentBytes > COMPANY_BYTES) this.flush();
    });
  }

  #entry(room, body, key, expect, deleted, ttl) {
    const entry = {
      mid: this.#nextMid, room: roomName(room), key: bytes(key === undefined ? "" : keyName(key)), keyName: key, body: bytes(body), expect, deleted,
      ttl,
    };
    if ((deleted || expect !== undefined) && key === undefined) throw new ZrelayError("bad-key", "deleting and comparing need a key");
    if (expect !== undefined && !Number.isSafeInteger(expect)) throw new TypeError("`expect` is the seq of the value, or 0 for no value");
    if (ttl !== undefined && (key === undefined || deleted || !Number.isSafeInteger(ttl) || ttl < 1)) {
      throw new TypeError("`ttl` is the time, in milliseconds, that the value of a key lasts");
    }
    entry.roomBytes = bytes(entry.room);
    entry.size = entrySize(entry) + publishHead(entry.roomBytes);
    if (entry.size > this.#limits.frame) {
      throw new ZrelayError("too-large", `the entry takes ${entry.size} bytes, and this broker takes ${this.#limits.frame}`, entry);
    }
    if (this.#bytes + entry.size > this.queueBytes) {
      throw new ZrelayError("queue-full", `${this.#bytes} bytes wait for their acks already; await some of them`, entry);
    }
    return entry;
  }

  // The session

  /** A session begins: everything unanswered is sent again, before anything new. */
  start() {
    const all = new Deque();
    for (const entry of [...this.#flight, ...this.#unsent]) all.push(entry);
    this.#unsent = all;
    this.#unsentBytes = this.#bytes;
    this.#flight = new Deque();
    this.#flightBytes = this.#flightFrames = this.#compared = 0;
    this.#open = true;
    this.flush();
  }

  stop() {
    this.#open = false;
  }

  resume() {
    this.#open = true;
    this.flush();
  }

  /** Sends as much as the window has room for. While many frames are under way, entries wait a moment and share one. */
  flush(waited = false) {
    while (this.#open && this.#unsent.length > 0) {
      if (!waited && this.#flightFrames >= EAGER_FRAMES && this.#unsentBytes < COMPANY_BYTES) return this.#gather();
      const entries = this.#nextFrame();
      if (entries.length === 0) break;
      this.#flightFrames++;
      for (const entry of entries) {
        entry.last = entries.at(-1).mid;
        this.#flight.push(entry);
      }
      this.#send(encodePublish(entries[0].roomBytes, entries));
    }
  }

  #gather() {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#later(COMPANY_WAIT, () => {
      this.#gathering = false;
      this.flush(true);
    });
  }

  /** The entries of the next frame: of one room, and within the limits. */
  #nextFrame() {
    const entries = [];
    let size = 0;
    for (let entry; (entry = this.#unsent.peek()) && this.#fits(entry, entries, size); ) {
      entries.push(this.#unsent.shift());
      size += entry.size;
      this.#unsentBytes -= entry.size;
      this.#flightBytes += entry.size;
      this.#compared += entry.expect !== undefined;
    }
    return entries;
  }

  /** One entry may always be under way, also one that is larger than the window. */
  #fits(entry, entries, size) {
    if (entries.length === this.#limits.entries || (entry.expect !== undefined && this.#compared === COMPARED_MAX)) return false;
    if (this.#flightBytes > 0 && this.#flightBytes + entry.size > this.#limits.window) return false;
    return entries.length === 0 || (entry.room === entries[0].room && size + entry.size <= this.#limits.frame);
  }

  // The broker's answers

  /** `seq` belongs to the entry `mid` alone; the position of the others is not told. */
  ack({ mid, seq, level }) {
    while (this.#flight.peek()?.mid <= mid) {
      const entry = this.#flight.shift();
      this.#gone(entry);
      entry.resolve({ room: entry.room, seq: entry.mid === mid && seq > 0 ? seq : null, level });
    }
    this.#answered();
  }

  /** The broker refused the entries from `mid` to `upto`. */
  refuse({ mid, upto = mid, code }, error) {
    const first = [...this.#flight].find((entry) => entry.mid === mid);
    const end = first && WHOLE_FRAME_CODES.includes(code) ? first.last : upto;
    for (const entry of this.#flight.take((each) => each.mid >= mid && each.mid <= end)) {
      this.#gone(entry);
      entry.reject(new ZrelayError(code, error.message, { room: entry.room, key: entry.keyName, seq: error.seq }));
    }
    this.#answered();
  }

  #gone(entry) {
    this.#bytes -= entry.size;
    this.#flightBytes -= entry.size;
    this.#flightFrames -= entry.mid === entry.last;
    this.#compared -= entry.expect !== undefined;
  }

  #answered() {
    this.flush();
    if (this.unanswered === 0) for (const idle of this.#idle.splice(0)) idle();
  }

  /** Calls `idle` once nothing is unanswered. */
  whenIdle(idle) {
    if (this.unanswered === 0) idle();
    else this.#idle.push(idle);
  }

  /** Gives everything up. */
  close(error) {
    this.#open = false;
    for (const entry of [...this.#flight.take(() => true), ...this.#unsent.take(() => true)]) entry.reject(error);
    this.#bytes = this.#unsentBytes = this.#flightBytes = this.#flightFrames = 0;
    for (const idle of this.#idle.splice(0)) idle();
  }
}
