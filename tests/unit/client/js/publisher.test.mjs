import assert from "node:assert/strict";
import { test } from "node:test";
import { ZrelayError } from "../../../../client/js/lib/error.js";
import { Publisher } from "../../../../client/js/lib/publisher.js";

const LIMITS = { frame: 200, entries: 10, window: 300 };

/** The room and message ids of a PUBLISH frame. */
function ids(frame) {
  const view = new DataView(frame.buffer);
  const found = [Buffer.from(frame.subarray(2, 2 + frame[1])).toString()];
  for (let at = 2 + frame[1]; at < frame.length; ) {
    found.push(Number(view.getBigUint64(at)));
    at += 10 + frame[at + 9] + (frame[at + 8] & 2 ? 8 : 0);
    at += 4 + view.getUint32(at);
  }
  return found;
}

function publisher(limits = LIMITS) {
  const frames = [];
  const timers = [];
  const one = new Publisher((frame) => frames.push(ids(frame)), { ...limits }, (wait, run) => timers.push(run));
  one.start();
  return { one, frames, timers, settled: () => new Promise((resolve) => setImmediate(resolve)) };
}

test("entries of one moment share a frame for each room, in order", async () => {
  const { one, frames, settled } = publisher();
  for (const room of ["a", "a", "b", "a"]) one.publish(room, "x");
  await settled();
  assert.deepEqual(frames, [["a", 1, 2], ["b", 3], ["a", 4]]);
});

test("an ack answers all up to its id, and only the last one learns its seq", async () => {
  const { one, settled } = publisher();
  const acks = [one.publish("a", "x"), one.publish("a", "y"), one.publish("a", "z")];
  await settled();
  one.ack({ mid: 2, seq: 70, level: "disk" });
  assert.deepEqual(await acks[0], { room: "a", seq: null, level: "disk" });
  assert.deepEqual(await acks[1], { room: "a", seq: 70, level: "disk" });
  assert.equal(one.unanswered, 1);
});

test("the window bounds what is under way, but one entry always goes", async () => {
  const { one, frames, settled } = publisher({ frame: 1000, entries: 10, window: 100 });
  one.publish("a", "x".repeat(300));
  one.publish("a", "y");
  await settled();
  assert.deepEqual(frames, [["a", 1]]);
  one.ack({ mid: 1, seq: 1, level: "memory" });
  assert.deepEqual(frames, [["a", 1], ["a", 2]]);
});

test("a frame has at most its limit of bytes and entries", async () => {
  const { one, frames, settled } = publisher({ frame: 100, entries: 3, window: 10000 });
  for (let number = 0; number < 7; number++) one.publish("a", "");
  one.publish("a", "x".repeat(60));
  one.publish("a", "x".repeat(60));
  await settled();
  assert.deepEqual(frames, [["a", 1, 2, 3], ["a", 4, 5, 6], ["a", 7, 8], ["a", 9]]);
});

test("a new session gets everything unanswered again, under the same ids", async () => {
  const { one, frames, settled } = publisher();
  for (const text of ["x", "y", "z"]) one.publish("a", text);
  await settled();
  one.ack({ mid: 1, seq: 1, level: "disk" });
  one.stop();
  const late = one.publish("a", "later");
  await settled();
  assert.equal(frames.length, 1);
  one.start();
  assert.deepEqual(frames[1], ["a", 2, 3, 4]);
  one.ack({ mid: 4, seq: 0, level: "disk" });
  assert.equal((await late).seq, null, "the position of a resend is not known");
});

test("a refusal ends its entries and no others", async () => {
  const { one, settled } = publisher();
  const [first, second, third] = ["x", "y", "z"].map((text) => one.publish("a", text, { key: "k" }));
  await settled();
  const error = new ZrelayError("conflict", "newer", { seq: 47 });
  one.refuse({ mid: 2, code: "conflict" }, error);
  await assert.rejects(second, { code: "conflict", seq: 47, key: "k", room: "a", message: "newer" });
  one.ack({ mid: 3, seq: 9, level: "memory" });
  assert.deepEqual([(await first).seq, (await third).seq], [null, 9]);
});

test("a refusal of a range, and of a frame that was not readable, ends all of them", async () => {
  for (const refusal of [{ mid: 1, upto: 3, code: "forbidden" }, { mid: 1, code: "bad-frame" }]) {
    const { one, settled } = publisher();
    const acks = ["x", "y", "z"].map((text) => one.publish("a", text));
    const all = Promise.allSettled(acks);
    await settled();
    one.refuse(refusal, new ZrelayError(refusal.code, "no"));
    assert.deepEqual((await all).map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  }
});

test("at most 64 compare-and-set entries are under way", async () => {
  const { one, frames, settled } = publisher({ frame: 100000, entries: 1000, window: 100000 });
  for (let number = 0; number < 65; number++) one.publish("a", "", { key: "k", expect: 0 });
  await settled();
  assert.equal(frames[0].length - 1, 64);
  assert.equal(frames.length, 1);
  one.ack({ mid: 1, seq: 1, level: "memory" });
  assert.deepEqual(frames[1], ["a", 65]);
});

test("what cannot be published is refused at once", async () => {
  const { one } = publisher();
  one.queueBytes = 150;
  await assert.rejects(one.publish("", "x"), { code: "bad-room" });
  await assert.rejects(one.publish("a", "x".repeat(200)), { code: "too-large" });
  await assert.rejects(one.publish("a", undefined, { deleted: true }), { code: "bad-key" });
  await assert.rejects(one.publish("a", "x", { key: "k", expect: 1.5 }), TypeError);
  one.publish("a", "x".repeat(100));
  await assert.rejects(one.publish("a", "x".repeat(100)), { code: "queue-full" });
});

test("a refused entry takes no id", async () => {
  const { one, frames, settled } = publisher();
  await assert.rejects(one.publish("", "x"));
  one.publish("a", "x");
  await settled();
  assert.deepEqual(frames, [["a", 1]]);
});

test("the end rejects what is unanswered", async () => {
  const { one, settled } = publisher();
  const ack = one.publish("a", "x");
  let idle = false;
  one.whenIdle(() => (idle = true));
  await settled();
  const rejected = assert.rejects(ack, { code: "closed" });
  one.close(new ZrelayError("closed", "over"));
  await rejected;
  assert.equal(idle, true);
});

test("eight frames go at once; then entries wait a moment for company", async () => {
  const { one, frames, timers, settled } = publisher({ frame: 1000000, entries: 10000, window: 10000000 });
  for (let number = 0; number < 10; number++) {
    one.publish("a", "x");
    await settled();
  }
  assert.equal(frames.length, 8);
  one.ack({ mid: 1, seq: 1, level: "memory" });
  assert.deepEqual(frames[8], ["a", 9, 10]);
  one.publish("a", "x");
  await settled();
  assert.equal(frames.length, 9);
  one.publish("a", "x".repeat(65536));
  assert.deepEqual(frames[9], ["a", 11, 12], "a large one waits for nothing");
  one.publish("a", "x");
  one.publish("a", "x");
  await settled();
  assert.equal(frames.length, 10);
  timers.at(-1)();
  assert.deepEqual(frames[10], ["a", 13, 14], "and none waits for long");
});

test("a hundred thousand entries and as many acks take no time", async () => {
  const { one, settled } = publisher({ frame: 1000, entries: 1, window: 1e9 });
  one.queueBytes = 1e9;
  const acks = Array.from({ length: 100000 }, () => one.publish("a", ""));
  await settled();
  for (let mid = 1; mid <= 100000; mid++) one.ack({ mid, seq: mid, level: "memory" });
  assert.equal((await acks.at(-1)).seq, 100000);
});
