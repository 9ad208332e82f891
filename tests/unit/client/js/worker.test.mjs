import assert from "node:assert/strict";
import { test } from "node:test";
import { Relay } from "../../../../client/js/lib/relay.js";
import { gaps } from "../../../../client/js/lib/worker.js";
import { EPOCH, FakeEdge, goLive } from "./fake.mjs";

const [DONE, RETRY, REJECT, EXTEND, RETURN] = [1, 2, 3, 4, 5];
const MAX = Number.MAX_SAFE_INTEGER;
const settled = () => new Promise((resolve) => setImmediate(resolve));
const u64 = (value) => [...new Uint8Array(new BigUint64Array([BigInt(value)]).buffer)].reverse();

async function worker() {
  const edge = new FakeEdge();
  const relay = new Relay(edge, {});
  const opened = relay.open(0);
  goLive(edge);
  await opened;
  const one = relay.work("mails", "senders", { credit: 10 });
  const all = { edge, relay, one };
  working(all);
  return all;
}

const working = ({ edge }, held = 0) =>
  edge.link.tell({ op: "working", re: edge.sent("work").at(-1).id, room: "mails", group: "senders", worker: 1, credit: 10, seq: 9, held, time: 30000 });

function handOut({ edge }, seqs, { deliveries = 1, epoch = EPOCH, number = 1 } = {}) {
  const entries = seqs.flatMap((seq) => [...u64(seq), ...u64(seq), 0, 3, ...Buffer.from("bob"), 0, 0, 0, 0, 1, 0x78]);
  edge.link.frame(new Uint8Array([4, 0, 0, 0, number, 0, deliveries, ...Buffer.from("mails"), 0, 1, 4, ...Buffer.from(epoch, "hex"), ...u64(0), ...entries]));
}

/** The SETTLE frames as [number, verb, milliseconds, ranges]. */
const settles = ({ edge }) => edge.link.sent.filter((each) => each instanceof Uint8Array && each[0] === 5).map((frame) => {
  const view = new DataView(frame.buffer);
  const ranges = [];
  for (let at = 18; at < frame.length; at += 16) ranges.push([Number(view.getBigUint64(at)), Number(view.getBigUint64(at + 8))]);
  return [Number(view.getBigUint64(5)), view.getUint8(13), view.getUint32(14), ranges];
});

const answer = ({ edge }, number, left = []) =>
  edge.link.frame(new Uint8Array([6, 0, 0, 0, 1, ...u64(number), 2, 0, 0, 0, 0, ...left.flatMap(([seq, became]) => [became, ...u64(seq), ...u64(seq)])]));

const take = async ({ one }, count) => {
  const jobs = [];
  while (jobs.length < count) jobs.push((await one.next()).value);
  return jobs;
};

async function again(all, { resumed = true, held = 0 } = {}) {
  all.edge.link.closed("gone");
  all.edge.pass(500);
  goLive(all.edge, { resumed });
  working(all, held);
  await settled();
}

test("jobs come in order, and those of one moment are settled in one frame a verb", async () => {
  const all = await worker();
  const first = all.one.next();
  handOut(all, [1, 3]);
  handOut(all, [2], { deliveries: 2 });
  const jobs = [(await first).value, ...(await take(all, 2))];
  assert.deepEqual(jobs.map(({ entry, deliveries }) => [entry.seq, deliveries]), [[1, 1], [3, 1], [2, 2]]);
  const answers = Promise.allSettled([jobs[1].done(), jobs[0].done(), jobs[2].retry(1500)]);
  await settled();
  assert.deepEqual(settles(all), [[1, DONE, 0, [[1, 1], [3, 3]]], [2, RETRY, 1500, [[2, 2]]]]);
  answer(all, 1, [[3, 3]]);
  answer(all, 2);
  assert.deepEqual((await answers).map(({ value, reason }) => value ?? reason.code), ["not-held", "disk", "disk"]);
});

test("a job is settled once, and extended as often as wanted, a day at most", async () => {
  const all = await worker();
  handOut(all, [1, 2]);
  const [job, other] = await take(all, 2);
  job.extend(60000);
  job.extend();
  job.reject();
  await assert.rejects(job.done(), { code: "bad-argument" });
  for (const delay of [-1, 0.5, 86400001]) await assert.rejects(other.retry(delay), { code: "bad-argument" });
  assert.deepEqual(settles(all).map((each) => each.slice(1, 3)), [[EXTEND, 60000], [EXTEND, 0], [REJECT, 0]]);
});

test("a job whose time ran out while it waited is not given, nor one of another epoch or worker", async () => {
  const all = await worker();
  handOut(all, [1]);
  for (let second = 0; second < 29; second++) all.edge.pass(1000), all.edge.link.tell({ op: "pong" });
  handOut(all, [2], { epoch: "0000000000000001" });
  handOut(all, [3], { number: 2 });
  handOut(all, [4]);
  for (let second = 0; second < 2; second++) all.edge.pass(600), all.edge.link.tell({ op: "pong" });
  assert.equal((await take(all, 1))[0].entry.seq, 4);
});

test("another log ends the jobs of the old one", async () => {
  const all = await worker();
  handOut(all, [1, 2, 3, 4]);
  const [one, two, old] = await take(all, 3);
  const done = assert.rejects(one.done(), { code: "not-held" });
  await settled();
  all.edge.link.closed("gone");
  const later = assert.rejects(two.done(), { code: "not-held" });
  all.edge.pass(500);
  goLive(all.edge, { resumed: false, epoch: "0000000000000001" });
  working(all);
  await Promise.all([done, later]);
  handOut(all, [3], { epoch: "0000000000000001" });
  await assert.rejects(old.done(), { code: "not-held" });
  const [three] = await take(all, 1);
  three.done();
  await settled();
  assert.deepEqual(settles(all), [[2, DONE, 0, [[3, 3]]]]);
});

test("what could not be stored is sent again; another refusal has its code", async () => {
  const all = await worker();
  handOut(all, [1, 2]);
  const [job, other] = await take(all, 2);
  const stored = job.done();
  await settled();
  all.edge.link.tell({ op: "error", code: "store-failed", text: "", worker: 1, settle: 1 });
  all.edge.pass(1000);
  assert.deepEqual(settles(all), [[1, DONE, 0, [[1, 1]]], [1, DONE, 0, [[1, 1]]]]);
  answer(all, 1);
  assert.equal(await stored, "disk");
  const refused = assert.rejects(other.done(), { code: "no-group" });
  await settled();
  all.edge.link.tell({ op: "error", code: "no-group", text: "", worker: 1, settle: 2 });
  await refused;
});

test("the broker's pause holds settles back", async () => {
  const all = await worker();
  handOut(all, [1]);
  all.edge.link.tell({ op: "error", code: "rate-limited", text: "", wait: 200 });
  (await take(all, 1))[0].done();
  await settled();
  assert.equal(settles(all).length, 0);
  all.edge.pass(200);
  assert.equal(settles(all).length, 1);
});

test("after a resumed session it goes on with what it has, and gives back what was lost on its way", async () => {
  const all = await worker();
  handOut(all, [3, 5]);
  const [three] = await take(all, 1);
  const done = three.done();
  await settled();
  await again(all, { held: 4 });
  assert.deepEqual(all.edge.sent("work").map(({ credit }) => credit), [0, 10], "nothing new before it is clear which worker has what");
  assert.deepEqual(settles(all), [[1, DONE, 0, [[3, 3]]], [2, RETURN, 0, [[1, 2], [4, 4], [6, MAX]]]], "numbers rise, or the broker does nothing");
  answer(all, 1);
  assert.deepEqual([await done, (await take(all, 1))[0].entry.seq], ["disk", 5]);
  assert.deepEqual([gaps([]), gaps([1, 2, 5]), gaps([MAX])], [[[1, MAX]], [[3, 4], [6, MAX]], [[1, MAX - 1]]]);
});

test("after a session that ended, what waits is given up and what is done is said", async () => {
  const all = await worker();
  handOut(all, [1, 2]);
  const [job] = await take(all, 1);
  await again(all, { resumed: false });
  const next = all.one.next();
  job.done();
  await settled();
  assert.deepEqual(settles(all), [[1, DONE, 0, [[1, 1]]]]);
  handOut(all, [2]);
  assert.equal((await next).value.entry.seq, 2);
});

test("leaving says what is settled, and then unwork", async () => {
  const all = await worker();
  handOut(all, [1, 2]);
  const done = (await take(all, 1))[0].done();
  all.one.leave();
  assert.deepEqual([settles(all).length, all.edge.sent("unwork").length, (await all.one.next()).done], [1, 0, true]);
  answer(all, 1);
  assert.deepEqual([await done, all.edge.sent("unwork")[0].worker], ["disk", 1]);
});

test("a reject has a reason, and a reason has at most 256 bytes", async () => {
  const all = await worker();
  handOut(all, [1, 2, 3, 4]);
  const [one, two, three, four] = await take(all, 4);
  one.reject("no card");
  two.reject("no card");
  three.reject("é".repeat(128));
  await assert.rejects(four.reject("é".repeat(128) + "x"), { code: "bad-argument" });
  await settled();
  const frames = all.edge.link.sent.filter((each) => each instanceof Uint8Array && each[0] === 5);
  assert.deepEqual(frames.map((frame) => Buffer.from(frame.slice(frame.length - new DataView(frame.buffer).getUint32(14))).toString()), ["no card", "é".repeat(128)]);
  assert.deepEqual(frames.map((frame) => frame.length), [18 + 32 + 7, 18 + 16 + 256]);
});

test("a worker is told what its group lost", async () => {
  const all = await worker();
  const lost = [];
  all.one.on("lost", (count) => lost.push(count));
  all.edge.link.tell({ op: "lost", worker: 1, room: "mails", group: "senders", count: 3 });
  all.edge.link.tell({ op: "lost", worker: 9, room: "mails", group: "senders", count: 4 });
  assert.deepEqual(lost, [3]);
});

test("a worker that is refused or dismissed ends with the reason", async () => {
  const all = await worker();
  const next = assert.rejects(all.one.next(), { code: "dismissed" });
  all.edge.link.tell({ op: "dismissed", worker: 1, room: "mails", group: "senders", reason: "deleted" });
  await next;
  const two = all.relay.work("mails", "senders");
  const entered = assert.rejects(two.entered(), { code: "forbidden" });
  all.edge.link.tell({ op: "error", re: all.edge.sent("work").at(-1).id, code: "forbidden", text: "no" });
  await entered;
});

test("process runs handlers side by side, and settles what they do not", async () => {
  const all = await worker();
  const problems = [];
  all.relay.on("problem", ({ message }) => problems.push(message));
  const started = [];
  const release = [];
  const stop = new AbortController();
  const over = all.relay.process("mails", "others", async (job) => {
    started.push(job.entry.seq);
    if (job.entry.seq === 1) throw new Error("busy");
    await new Promise((resolve) => release.push(resolve));
  }, { concurrency: 2, signal: stop.signal });
  all.edge.link.tell({ op: "working", re: all.edge.sent("work").at(-1).id, room: "mails", group: "others", worker: 2, credit: 2, seq: 9, held: 0, time: 30000 });
  await settled();
  handOut(all, [1, 2, 3], { number: 2 });
  await settled();
  assert.deepEqual([started, problems, settles(all).map((each) => each.slice(1, 4))], [[1, 2], ["busy"], [[RETRY, 0, [[1, 1]]]]]);
  all.edge.link.frame(new Uint8Array([6, 0, 0, 0, 2, ...u64(1), 2, 0, 0, 0, 1]));
  await settled();
  assert.deepEqual(started, [1, 2, 3]);
  for (let second = 0; second < 10; second++) all.edge.pass(1000), all.edge.link.tell({ op: "pong" });
  await settled();
  assert.deepEqual(settles(all)[1].slice(1), [EXTEND, 0, [[2, 2], [3, 3]]]);
  stop.abort();
  for (const each of release) each();
  await settled();
  assert.deepEqual(settles(all)[2].slice(1), [DONE, 0, [[2, 2], [3, 3]]]);
  for (const number of [2, 3]) all.edge.link.frame(new Uint8Array([6, 0, 0, 0, 2, ...u64(number), 2, 0, 0, 0, 2]));
  await over;
  assert.equal(all.edge.sent("unwork")[0].worker, 2);
});
