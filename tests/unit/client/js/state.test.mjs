/** The live state of a room. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveState } from "../../../../client/js/lib/state.js";

/** A state whose puts wait for an answer: `puts` has `{ expect, resolve, reject }`. */
function state() {
  const puts = [];
  const live = new LiveState((after, done) => done(null, { entries: [], seq: 0, more: false }), (body, { expect }) =>
    new Promise((resolve, reject) => puts.push({ body, expect, resolve, reject })));
  live.reload();
  return { live, puts };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const conflict = (seq) => Object.assign(new Error("newer"), { code: "conflict", seq });

test("an update waits for the first value of a key before it tries again", async () => {
  const { live, puts } = state();
  const done = live.update("sum", (entry) => `${Number(entry?.text ?? 0) + 1}`);
  puts[0].reject(conflict(7));
  await settled();
  assert.equal(puts.length, 1, "the value that won is not here yet");
  live.entry({ key: "other", seq: 6, text: "x" });
  await settled();
  assert.equal(puts.length, 1);
  live.entry({ key: "sum", seq: 7, text: "4" });
  await settled();
  assert.deepEqual([puts[1].body, puts[1].expect], ["5", 7]);
  puts[1].resolve("disk");
  assert.equal(await done, "disk");
});

test("an update goes on when the key was deleted", async () => {
  const { live, puts } = state();
  live.entry({ key: "sum", seq: 1, text: "4" });
  live.update("sum", () => "new");
  puts[0].reject(conflict(0));
  await settled();
  assert.equal(puts.length, 1);
  live.entry({ key: "sum", seq: 2, deleted: true });
  await settled();
  assert.equal(puts[1].expect, 0);
});

test("an update ends with its room", async () => {
  const { live, puts } = state();
  live.entry({ key: "sum", seq: 1, text: "4" });
  const done = live.update("sum", () => "new");
  puts[0].reject(conflict(2));
  await settled();
  live.end();
  await settled();
  puts[1].reject(Object.assign(new Error("left"), { code: "closed" })); // as the room says then
  await assert.rejects(done, { code: "closed" });
});
