import assert from "node:assert/strict";
import { test } from "node:test";
import { Feed } from "../../../../client/js/lib/feed.js";
import { entry } from "./fake.mjs";

const LIMIT = 10000;

/** A feed over a log of `head` entries; `keep` is the seq up to which the log forgot. */
function feed({ keep = 0 } = {}) {
  const log = { head: 0, asked: [] };
  const one = new Feed((after, limit, done) => {
    log.asked.push(after);
    const from = Math.max(after, keep);
    const entries = Array.from({ length: Math.max(0, Math.min(limit, log.head - from)) }, (_, at) => entry(from + 1 + at));
    queueMicrotask(() => done(null, { room: "lobby", entries, complete: after >= keep, more: from + entries.length < log.head, seq: entries.at(-1)?.seq ?? from }));
  }, () => log.head);
  const push = (count) => {
    for (let number = 0; number < count; number++) one.push(entry(++log.head));
  };
  return { one, log, push };
}

async function read(one, count) {
  const found = [];
  while (found.length < count) found.push((await one.next()).value);
  return found;
}

test("a loop that waits gets each entry as it comes", async () => {
  const { one, push } = feed();
  const next = one.next();
  push(2);
  assert.equal((await next).value.seq, 1);
  assert.equal((await one.next()).value.seq, 2);
});

test("as many entries as the limit wait for a loop", async () => {
  const { one, log, push } = feed();
  push(LIMIT);
  await read(one, LIMIT);
  assert.deepEqual(log.asked, []);
});

test("a loop that is further behind gets the rest by replay, each entry once", async () => {
  const { one, log, push } = feed();
  push(LIMIT + 2500);
  const found = [];
  for (let number = 1; number <= LIMIT + 2500; number++) found.push((await one.next()).value.seq);
  assert.ok(found.every((seq, at) => seq === at + 1));
  assert.ok(log.asked.length >= 3);
  push(1);
  assert.equal((await one.next()).value.seq, LIMIT + 2501, "it is live again");
});

test("entries that came while it read the log are not missed", async () => {
  const { one, push } = feed();
  push(LIMIT + 1);
  await read(one, LIMIT); // the replay is under way now
  push(3);
  assert.deepEqual((await read(one, 4)).map(({ seq }) => seq), [LIMIT + 1, LIMIT + 2, LIMIT + 3, LIMIT + 4]);
});

test("entries that the log forgot meanwhile are told of", async () => {
  const { one, push } = feed({ keep: LIMIT + 5 });
  push(LIMIT + 7);
  await read(one, LIMIT);
  const [lost, next] = await read(one, 2);
  assert.deepEqual([lost.type, lost.after, lost.next, next.seq], ["lost", LIMIT, LIMIT + 5, LIMIT + 6]);
});

test("the end comes after what was not read yet", async () => {
  const { one, push } = feed();
  push(1);
  one.end();
  assert.equal((await one.next()).value.seq, 1);
  assert.equal((await one.next()).done, true);
});
