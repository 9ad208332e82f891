// The parts of the Yjs provider that need no Yjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { change, moved } from "../../../../client/js/yjs/example/bind.js";
import { Parts, encodeAsk, encodeUpdate } from "../../../../client/js/yjs/parts.js";

const ID = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
const update = (size) => Uint8Array.from({ length: size }, (_, at) => at % 251);

test("an update that fits travels whole, a larger one in parts", () => {
  assert.equal(encodeUpdate(update(99), 100, ID).length, 1);
  const bodies = encodeUpdate(update(100), 100, ID);
  assert.equal(bodies.length, 2);
  assert.ok(bodies.every((body) => body.length <= 100));
  const parts = new Parts();
  assert.deepEqual(parts.take({ seq: 1, body: bodies[0] }), {});
  assert.deepEqual(parts.take({ seq: 2, body: bodies[1] }), { update: update(100) });
});

test("parts of several updates may be mixed, and the position waits for them", () => {
  const parts = new Parts();
  const [one, other] = [encodeUpdate(update(300), 100, ID), encodeUpdate(update(200), 100, ID.map((byte) => byte + 1))];
  parts.take({ seq: 10, body: one[0] });
  parts.take({ seq: 11, body: other[0] });
  assert.equal(parts.whole(11), 9);
  for (const [at, body] of one.slice(1).entries()) parts.take({ seq: 12 + at, body });
  assert.equal(parts.whole(20), 10);
});

test("at most 1024 parts and 64 unfinished updates", () => {
  assert.equal(encodeUpdate(update(1024), 14, ID).length, 1024);
  assert.throws(() => encodeUpdate(update(1025), 14, ID), RangeError);
  const parts = new Parts();
  for (let seq = 1; seq <= 65; seq++) parts.take({ seq, body: encodeUpdate(update(30), 20, new Uint8Array(8).fill(seq))[0] });
  assert.equal(parts.whole(100), 1, "the oldest one made place");
});

test("what is no part of an update is nothing", () => {
  const parts = new Parts();
  assert.deepEqual(parts.take({ seq: 1, body: new Uint8Array(0) }), {});
  assert.deepEqual(parts.take({ seq: 1, body: new Uint8Array([1, 0, 0]) }), {});
  assert.deepEqual(parts.take({ seq: 1, body: new Uint8Array([1, ...ID, 0, 2, 0, 2, 9]) }), {}, "an index beyond the count");
  assert.deepEqual(parts.take({ seq: 1, body: encodeAsk() }), { ask: true });
});

test("typing becomes the smallest change, and no character is cut in two", () => {
  assert.deepEqual(change("abcd", "abXcd"), { at: 2, removed: 0, inserted: "X" });
  assert.deepEqual(change("abcd", "ad"), { at: 1, removed: 2, inserted: "" });
  assert.deepEqual(change("aaa", "aa"), { at: 2, removed: 1, inserted: "" });
  assert.deepEqual(change("😀", "😁"), { at: 0, removed: 2, inserted: "😁" });
  for (const [before, after] of [["", "x"], ["hello", "help"], ["aXbXc", "aXc"], ["😀a😀", "😀😀"]]) {
    const { at, removed, inserted } = change(before, after);
    assert.equal(before.slice(0, at) + inserted + before.slice(at + removed), after);
  }
});

test("a cursor keeps its place while others write", () => {
  assert.equal(moved(5, [{ insert: "abc" }]), 8);
  assert.equal(moved(5, [{ retain: 5 }, { insert: "abc" }]), 5, "what comes at the cursor comes after it");
  assert.equal(moved(5, [{ retain: 7 }, { insert: "abc" }]), 5);
  assert.equal(moved(5, [{ retain: 1 }, { delete: 2 }]), 3);
  assert.equal(moved(5, [{ retain: 3 }, { delete: 10 }]), 3);
  assert.equal(moved(5, [{ insert: "x" }, { retain: 2 }, { delete: 1 }]), 5);
});
