/**
 * Publishing exactly once, as PROTOCOL.md, section 8, has it: entries get rising ids, are kept until they are answered, and are sent again in
 * order in each new session. `send(frame)` sends a PUBLISH frame; there is no socket and no clock here.
 */
import { ZrelayError } from "./error.js";
import { bytes, encodePublish, entrySize, keyName, publishHead, roomName } from "./wire.js";

const COMPARED_MAX = 64; // compare-and-set entries unanswered: the broker remembers as many refusals
const QUEUE_BYTES = 64 * 1024 * 1024; // bytes of unanswered entries, by default
const WHOLE_FRAME_CODES = ["bad-frame", "bad-id"]; // nothing of the frame was stored, though the error names its first id only

export class Publisher {
  queueBytes = QUEUE_BYTES;
  #send;
  #limits;
  #nextMid = 1;
  #unsent = []; // in the order of their ids
  #flight = []; // sent in this session, in the order of their ids
  #flightBytes = 0;
  #compared = 0; // of those in flight
  #bytes = 0; // of all that are unanswered
  #open = false; // there is a session, and no pause
  #idle = [];

  constructor(send, limits) {
    this.#send = send;
    this.#limits = limits;
  }

  get unanswered() {
    return this.#flight.length + this.#unsent.length;
  }

  /** Queues an entry. The promise is fulfilled with the ack `{ room, seq, level }`, or rejected with the broker's refusal. */
  publish(room, body, { key, expect, deleted = false } = {}) {
    return new Promise((resolve, reject) => {
      const entry = this.#entry(room, body, key, expect, deleted);
      this.#nextMid++;
      this.#bytes += entry.size;
      if (this.#unsent.push({ ...entry, resolve, reject }) === 1) queueMicrotask(() => this.flush());
    });
  }

  #entry(room, body, key, expect, deleted) {
    const entry = {
      mid: this.#nextMid, room: roomName(room), key: bytes(key === undefined ? "" : keyName(key)), keyName: key, body: bytes(body), expect, deleted,
    };
    if ((deleted || expect !== undefined) && key === undefined) throw new ZrelayError("bad-key", "deleting and comparing need a key");
    if (expect !== undefined && !Number.isSafeInteger(expect)) throw new TypeError("`expect` is the seq of the value, or 0 for no value");
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
    this.#unsent = this.#flight.concat(this.#unsent);
    this.#flight = [];
    this.#flightBytes = this.#compared = 0;
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

  /** Sends as much as the window has room for. */
  flush() {
    while (this.#open && this.#unsent.length > 0) {
      const entries = this.#nextFrame();
      if (entries.length === 0) break;
      this.#flight.push(...entries);
      this.#send(encodePublish(entries[0].roomBytes, entries));
    }
  }

  /** The entries of the next frame: of one room, and within the limits. The first entry may exceed an empty window. */
  #nextFrame() {
    const entries = [];
    let size = 0;
    for (const entry of this.#unsent) {
      const compared = entry.expect !== undefined;
      if (entries.length > 0 && (entry.room !== entries[0].room || size + entry.size > this.#limits.frame)) break;
      if (entries.length === this.#limits.entries || (compared && this.#compared === COMPARED_MAX)) break;
      if (this.#flightBytes > 0 && this.#flightBytes + entry.size > this.#limits.window) break;
      entries.push(entry);
      size += entry.size;
      this.#flightBytes += entry.size;
      this.#compared += compared;
    }
    this.#unsent.splice(0, entries.length);
    for (const entry of entries) entry.last = entries.at(-1).mid;
    return entries;
  }

  // The broker's answers

  /** `seq` belongs to the entry `mid` alone; the position of the others is not told. */
  ack({ mid, seq, level }) {
    for (const entry of this.#take((each) => each.mid <= mid)) {
      entry.resolve({ room: entry.room, seq: entry.mid === mid && seq > 0 ? seq : null, level });
    }
    this.#answered();
  }

  /** The broker refused the entries from `mid` to `upto`. */
  refuse({ mid, upto = mid, code }, error) {
    const first = this.#flight.find((entry) => entry.mid === mid);
    const end = first && WHOLE_FRAME_CODES.includes(code) ? first.last : upto;
    for (const entry of this.#take((each) => each.mid >= mid && each.mid <= end)) {
      entry.reject(new ZrelayError(code, error.message, { room: entry.room, key: entry.keyName, seq: error.seq }));
    }
    this.#answered();
  }

  #take(answered) {
    const taken = this.#flight.filter(answered);
    if (taken.length > 0) this.#flight = this.#flight.filter((entry) => !answered(entry));
    for (const entry of taken) {
      this.#bytes -= entry.size;
      this.#flightBytes -= entry.size;
      this.#compared -= entry.expect !== undefined;
    }
    return taken;
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
    for (const entry of [...this.#flight.splice(0), ...this.#unsent.splice(0)]) entry.reject(error);
    this.#bytes = this.#flightBytes = 0;
    for (const idle of this.#idle.splice(0)) idle();
  }
}
