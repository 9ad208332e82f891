/** The frames of PROTOCOL.md, sections 2 to 4, as bytes. Nothing here keeps state. */
import { ZrelayError } from "./error.js";

const PUBLISH = 0x01;
const ACK = 0x02;
const [WORK, SETTLE, SETTLED] = [0x04, 0x05, 0x06];
const [ENTRY_DELETE, ENTRY_EXPECT] = [0x01, 0x02];
const ENTRY_TTL = 0x08; // this is also the size of the field that it adds
const LEVELS = ["none", "memory", "disk", "replicated"];
const ROOM_MAX = 128; // bytes of a room's name
const KEY_MAX = 255; // bytes of a key
const ENTRY_HEAD = 8 + 1 + 1 + 4; // message id, flags, size of the key, size of the body
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const [DONE, RETRY, REJECT, EXTEND, RETURN] = [1, 2, 3, 4, 5]; // verbs of SETTLE
export const REASON_MAX = 256; // bytes of the reason of a reject
export const SETTLE_RANGES_MAX = 4096;
export const SETTLE_MS_MAX = 86400000; // a day
export const SEQ_MAX = Number.MAX_SAFE_INTEGER;
export const LEFT = { 1: "it was done or dead before", 2: "it waits to be handed out again", 3: "another worker has it", 4: "the group has not come to it" };

export const REPLAY = 0x01;
export const STATE = 0x02;

/**
 * One entry of a room. `body` are its bytes, `text` the same as UTF-8, `time` microseconds since 1970. `ttl`: the broker deletes the key so many
 * milliseconds after `time`; undefined: never.
 */
export class Entry {
  constructor(room, seq, time, deleted, sender, key, body, ttl) {
    Object.assign(this, { type: "entry", room, seq, time, deleted, sender, key, body, ttl });
  }

  get text() {
    return decoder.decode(this.body);
  }

  get date() {
    return new Date(this.time / 1000);
  }
}

/** The bytes of a text; bytes stay as they are. */
export function bytes(body) {
  if (typeof body === "string") return encoder.encode(body);
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (body === undefined || body === null) return new Uint8Array(0);
  throw new TypeError("a body is a string, a Uint8Array or an ArrayBuffer");
}

function name(text, max, code, what) {
  const form = String(text).normalize("NFC");
  const size = encoder.encode(form).length;
  if (size === 0 || size > max) throw new ZrelayError(code, `${what} has 1 to ${max} bytes, this one has ${size}`);
  return form;
}

/** The name in Unicode's form C, as the broker wants it; throws `bad-room` for a wrong size. */
export const roomName = (text) => name(text, ROOM_MAX, "bad-room", "a room's name");
export const keyName = (text) => name(text, KEY_MAX, "bad-key", "a key");

/** The bytes that an entry takes in a PUBLISH frame. */
export const entrySize = ({ key, body, expect, ttl }) =>
  ENTRY_HEAD + key.length + (expect === undefined ? 0 : 8) + (ttl === undefined ? 0 : ENTRY_TTL) + body.length;

/** The bytes of a PUBLISH frame before its entries; `room` is bytes. */
export const publishHead = (room) => 2 + room.length;

/** A PUBLISH frame of entries `{ mid, key, body, expect, deleted, ttl }`, where `room`, `key` and `body` are bytes. */
export function encodePublish(room, entries) {
  const size = entries.reduce((sum, entry) => sum + entrySize(entry), publishHead(room));
  const frame = new Uint8Array(size);
  const view = new DataView(frame.buffer);
  frame.set([PUBLISH, room.length]);
  frame.set(room, 2);
  let at = publishHead(room);
  for (const { mid, key, body, expect, deleted, ttl } of entries) {
    putU64(view, at, mid);
    frame[at + 8] = (deleted ? ENTRY_DELETE : 0) | (expect === undefined ? 0 : ENTRY_EXPECT) | (ttl === undefined ? 0 : ENTRY_TTL);
    frame[at + 9] = key.length;
    frame.set(key, at + 10);
    at += 10 + key.length;
    if (expect !== undefined) {
      putU64(view, at, expect);
      at += 8;
    }
    if (ttl !== undefined) {
      putU64(view, at, ttl);
      at += 8;
    }
    view.setUint32(at, body.length);
    frame.set(body, at + 4);
    at += 4 + body.length;
  }
  return frame;
}

/** A SETTLE frame of ranges `[first, last]`. `reason`: bytes, of a reject; at most REASON_MAX. */
export function encodeSettle(worker, number, verb, milliseconds, ranges, reason = new Uint8Array()) {
  const end = 18 + 16 * ranges.length;
  const view = new DataView(new ArrayBuffer(end + reason.length));
  view.setUint8(0, SETTLE);
  view.setUint32(1, worker);
  putU64(view, 5, number);
  view.setUint8(13, verb);
  view.setUint32(14, verb === REJECT ? reason.length : milliseconds);
  ranges.flat().forEach((seq, at) => putU64(view, 18 + 8 * at, seq));
  const frame = new Uint8Array(view.buffer);
  frame.set(reason, end);
  return frame;
}

/** Seqs and ids stay below 2^53, so a number holds them. */
function putU64(view, at, value) {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value % 2 ** 32);
}

/** Reads a frame front to back; throws RangeError beyond its end. */
class Reader {
  constructor(frame, at = 0) {
    this.frame = frame;
    this.view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    this.at = at;
  }

  get left() {
    return this.frame.length - this.at;
  }

  u8() {
    return this.view.getUint8(this.at++);
  }

  u32() {
    this.at += 4;
    return this.view.getUint32(this.at - 4);
  }

  u64() {
    const high = this.u32();
    return high * 2 ** 32 + this.u32();
  }

  take(size) {
    if (size > this.left) throw new RangeError("the frame is cut off");
    this.at += size;
    return this.frame.subarray(this.at - size, this.at);
  }

  text(size) {
    return decoder.decode(this.take(size));
  }

  hex64() {
    return [...this.take(8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

/**
 * Takes a binary frame from the broker apart. Gives an object with `kind`: `ack`, `deliver`, `presence`, `work`, `settled`, or `unknown` for what a later
 * version may send. Throws RangeError or SyntaxError for a frame that is cut off or malformed.
 */
export function decode(frame) {
  if (frame[0] === ACK) return decodeAck(frame);
  if (frame[0] === WORK) return decodeWork(frame);
  if (frame[0] === SETTLED) return decodeSettled(frame);
  const end = frame.findIndex((byte) => byte < 0x20);
  if (end < 1) return { kind: "unknown" };
  const room = decoder.decode(frame.subarray(0, end));
  if (frame[end] === 0x00) return decodeDeliver(room, new Reader(frame, end + 1));
  if (frame[end] === 0x01) return { kind: "presence", room, change: JSON.parse(decoder.decode(frame.subarray(end + 1))) };
  return { kind: "unknown" };
}

const levelName = (level) => LEVELS[level] ?? `level-${level}`;

function decodeAck(frame) {
  const reader = new Reader(frame, 1);
  return { kind: "ack", level: levelName(reader.u8()), mid: reader.u64(), seq: reader.u64() };
}

function decodeWork(frame) {
  const reader = new Reader(frame, 1);
  const [worker, deliveries] = [reader.u32(), reader.u8() * 256 + reader.u8()];
  const deliver = decode(frame.subarray(reader.at));
  if (worker === 0 || deliver.kind !== "deliver") throw new RangeError("no frame for a worker");
  return { kind: "work", worker, deliveries, deliver };
}

/** `left` is a Map: seq → what became of an entry that was not settled, see LEFT. */
function decodeSettled(frame) {
  const reader = new Reader(frame, 1);
  const settled = { kind: "settled", worker: reader.u32(), number: reader.u64(), level: levelName(reader.u8()), count: reader.u32(), left: new Map() };
  while (reader.left > 0) {
    const [became, first] = [reader.u8(), reader.u64()];
    reader.u64();
    settled.left.set(first, became);
  }
  return settled;
}

function decodeDeliver(room, reader) {
  if (reader.u8() !== 1) return { kind: "unknown" };
  const frame = { kind: "deliver", room, flags: reader.u8(), epoch: reader.hex64(), prev: reader.u64(), entries: [] };
  do {
    const [seq, time, flags] = [reader.u64(), reader.u64(), reader.u8()];
    const sender = reader.text(reader.u8());
    const key = reader.text(reader.u8()) || undefined;
    const ttl = flags & ENTRY_TTL ? reader.u64() : undefined;
    frame.entries.push(new Entry(room, seq, time, (flags & ENTRY_DELETE) !== 0, sender, key, reader.take(reader.u32()), ttl));
  } while (reader.left > 0);
  return frame;
}
