import assert from "node:assert/strict";
import { test } from "node:test";
import { ZrelayError } from "../../../../client/js/lib/error.js";
import { bytes, decode, encodePublish, encodeSettle, entrySize, keyName, roomName } from "../../../../client/js/lib/wire.js";
import { vectors } from "./fake.mjs";

const hex = (body) => Buffer.from(body).toString("hex");

test("frames of the broker are read as the golden vectors have them", () => {
  let seen = 0;
  for (const { name, frame, kind, from, value } of vectors()) {
    if (from !== "broker" || !["ack", "deliver", "presence"].includes(kind)) continue;
    seen++;
    const found = decode(frame);
    assert.equal(found.kind, kind, name);
    if (kind === "ack") assert.deepEqual([found.level, found.mid, found.seq], [value.level, value.upto, value.seq], name);
    if (kind === "presence") assert.deepEqual([found.room, found.change], [value.room, value.json], name);
    if (kind !== "deliver") continue;
    assert.deepEqual([found.room, found.flags, found.epoch, found.prev], [value.room, value.flags, value.epoch, value.prev], name);
    const entries = found.entries.map(({ seq, time, deleted, sender, key, body, ttl }) =>
      ({ seq, time, flags: (deleted ? 1 : 0) | (ttl ? 8 : 0), sender, key: key ?? "", body: hex(body), ...(ttl && { ttl }) }));
    assert.deepEqual(entries, value.entries, name);
  }
  assert.ok(seen >= 9);
});

test("frames of groups are those of the golden vectors", () => {
  let seen = 0;
  for (const { name, frame, kind, value } of vectors()) {
    if (!["work", "settle", "settled"].includes(kind)) continue;
    seen++;
    if (kind === "settle" && value) {
      const ranges = value.ranges.map(({ first, last }) => [first, last]);
      assert.equal(hex(encodeSettle(value.worker, value.number, value.verb, value.ms, ranges, bytes(value.reason))), hex(frame), name);
    } else if (kind === "work" && value) {
      assert.deepEqual(decode(frame), { kind, worker: value.worker, deliveries: value.deliveries, deliver: decode(new Uint8Array(Buffer.from(value.inner, "hex"))) }, name);
    } else if (kind === "settled" && value) {
      const left = new Map(value.left.map(({ first, became }) => [first, became]));
      assert.deepEqual(decode(frame), { kind, worker: value.worker, number: value.number, level: value.level, count: value.count, left }, name);
    } else if (kind !== "settle") {
      assert.throws(() => decode(frame), name);
    }
  }
  assert.ok(seen >= 12);
});

test("PUBLISH frames are the bytes of the golden vectors", () => {
  let seen = 0;
  for (const { name, frame, kind, value } of vectors()) {
    if (kind !== "publish" || !value) continue;
    seen++;
    const entries = value.entries.map(({ mid, flags, key, expect, body, ttl }) =>
      ({ mid, ttl, key: bytes(key), body: new Uint8Array(Buffer.from(body, "hex")), deleted: (flags & 1) !== 0, expect: flags & 2 ? expect : undefined }));
    assert.equal(hex(encodePublish(bytes(value.room), entries)), hex(frame), name);
    assert.equal(entries.reduce((sum, each) => sum + entrySize(each), 2 + bytes(value.room).length), frame.length, name);
  }
  assert.ok(seen >= 7);
});

test("frames that are cut off are refused, and unknown ones are told apart", () => {
  for (const { name, frame, kind, value } of vectors()) {
    if (!["ack", "deliver", "presence"].includes(kind)) continue;
    if (name.startsWith("bad-") && !name.includes("version")) assert.throws(() => decode(frame), name);
    if (value && kind !== "presence") assert.throws(() => decode(frame.subarray(0, frame.length - 1)), name);
  }
  assert.deepEqual(decode(new Uint8Array([0x05, 1, 2])), { kind: "unknown" });
  assert.deepEqual(decode(new Uint8Array([0x61, 0x00, 0x02])), { kind: "unknown" }, "another version");
});

test("bodies are texts or bytes", () => {
  assert.equal(hex(bytes("ü")), "c3bc");
  assert.equal(hex(bytes(new Uint8Array([1, 2]).buffer)), "0102");
  assert.equal(bytes(undefined).length, 0);
  assert.throws(() => bytes(7), TypeError);
});

test("names are in form C and have a bounded size", () => {
  assert.equal(roomName("cafe\u0301"), "caf\u00e9");
  assert.equal(roomName("x".repeat(128)).length, 128);
  assert.throws(() => roomName("x".repeat(129)), (error) => error instanceof ZrelayError && error.code === "bad-room");
  assert.throws(() => roomName(""), { code: "bad-room" });
  assert.equal(keyName("k".repeat(255)).length, 255);
  assert.throws(() => keyName("ü".repeat(128)), { code: "bad-key" });
});
