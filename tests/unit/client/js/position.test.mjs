import assert from "node:assert/strict";
import { test } from "node:test";
import { Position } from "../../../../client/js/lib/position.js";
import { entry } from "./fake.mjs";

const frame = (prev, ...seqs) => ({ prev, entries: seqs.map((seq) => entry(seq)) });
const seqs = (entries) => entries.map(({ seq }) => seq);

function at(last) {
  return Object.assign(new Position(), { last });
}

test("entries that follow are taken, and known ones dropped", () => {
  const position = at(40);
  assert.deepEqual(seqs(position.live(frame(40, 41, 43)).entries), [41, 43]);
  assert.deepEqual(seqs(position.live(frame(40, 41, 43, 44)).entries), [44]);
  assert.equal(position.last, 44);
});

test("a prev above the last seq is a gap, and its entries wait for the replay", () => {
  const position = at(40);
  assert.deepEqual(position.live(frame(42, 43)), { entries: [], gap: true });
  assert.equal(position.behind, true);
  position.ask();
  assert.deepEqual(seqs(position.replay(frame(40, 41, 42, 43))), [41, 42, 43]);
  assert.deepEqual(position.replayed({ seq: 43, complete: true, more: false }), { lost: null, again: false });
});

test("a live frame that was dropped during a replay makes another one necessary", () => {
  const position = at(40);
  position.ask();
  position.live(frame(45, 46));
  assert.equal(position.replayed({ seq: 44, complete: true, more: false }).again, true);
  position.ask();
  assert.equal(position.replayed({ seq: 46, complete: true, more: false }).again, false);
  position.ask();
  assert.equal(position.replayed({ seq: 50, complete: true, more: true }).again, true, "the slice was cut");
});

test("a replay that begins later is a loss only when it is not complete", () => {
  const lost = at(40);
  lost.ask();
  assert.deepEqual(seqs(lost.replay(frame(50, 51))), [51]);
  assert.deepEqual(lost.replayed({ seq: 51, complete: false, more: false }).lost, { after: 40, next: 50 });
  const begins = at(0);
  begins.ask();
  begins.replay(frame(50, 51));
  assert.equal(begins.replayed({ seq: 51, complete: true, more: false }).lost, null);
  const empty = at(40);
  empty.ask();
  assert.deepEqual(empty.replayed({ seq: 60, complete: false, more: false }).lost, { after: 40, next: 60 });
  assert.equal(empty.last, 60);
});

test("live entries before the answer to a replay after 0 make another one necessary", () => {
  const position = at(0);
  position.ask();
  position.live(frame(0, 1));
  assert.equal(position.replayed({ seq: 0, complete: true, more: false }).again, true);
});

test("join says what can still be had", () => {
  assert.equal(at(null).joined({ seq: 47, oldest: 30 }, null), null);
  assert.equal(at(41).joined({ seq: 47, oldest: 30, recovered: true }, 41), null);
  const behind = at(20);
  assert.deepEqual(behind.joined({ seq: 47, oldest: 30, recovered: false }, 20), { after: 20, next: 30 });
  assert.equal(behind.last, 30);
  assert.deepEqual(at(60).joined({ seq: 47, oldest: 30, recovered: true }, 60), { after: 60, next: 30 });
});

test("live frames that overtake the answer to join are no loss", () => {
  const position = at(41);
  position.live(frame(41, 48));
  assert.equal(position.joined({ seq: 47, oldest: 0, recovered: true }, 41), null);
  assert.equal(position.last, 48);
});

test("a pong's head above the last seq shows a lost tail", () => {
  const position = at(40);
  assert.equal(position.head(40), false);
  assert.equal(position.head(41), true);
  position.live(frame(40, 41));
  assert.equal(position.behind, false);
});

test("another epoch voids the position", () => {
  const position = at(40);
  position.head(50);
  assert.deepEqual(position.epoch(), { after: 40, next: 0 });
  assert.deepEqual([position.last, position.behind], [0, false]);
  assert.equal(at(null).epoch(), null, "a reader without a position lost nothing");
});

test("before its beginning is known a reader only remembers what it heard of", () => {
  const position = at(null);
  assert.deepEqual(position.live(frame(40, 41)), { entries: [], gap: false });
  position.last = 40;
  assert.equal(position.behind, true);
});
