// Rooms of a prefix: the list, frames and pongs show which there are.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Prefix } from "../../../../client/js/lib/prefix.js";
import { Relay } from "../../../../client/js/lib/relay.js";
import { Room } from "../../../../client/js/lib/room.js";
import { EPOCH, FakeEdge, goLive } from "./fake.mjs";

const settled = () => new Promise((resolve) => setImmediate(resolve));
const u64 = (value) => [...new Uint8Array(new BigUint64Array([BigInt(value)]).buffer)].reverse();

/** A live DELIVER frame, or with `flags` 1 one of a replay; entries are [seq, text]. */
function deliver(room, prev, entries, { flags = 0, epoch = EPOCH } = {}) {
  const bytes = (text) => [...Buffer.from(text)];
  const all = entries.flatMap(([seq, text]) => [...u64(seq), ...u64(seq * 1000), 0, 3, ...bytes("bob"), 0, 0, 0, 0, text.length, ...bytes(text)]);
  return new Uint8Array([...bytes(room), 0, 1, flags, ...Buffer.from(epoch, "hex"), ...u64(prev), ...all]);
}

/** A relay that follows `m/`, whose rooms are `listed`: [room, head]. */
async function follow(listed, options = {}) {
  const edge = new FakeEdge();
  const relay = new Relay(edge, {});
  const opened = relay.open(0);
  goLive(edge);
  await opened;
  const seen = [];
  const told = [];
  relay.on("recovered", (value) => told.push(value));
  const one = relay.room("m/*", options);
  one.on("entry", ({ room, text }) => seen.push([room, text]));
  one.on("lost", ({ room, reason }) => seen.push([room, reason]));
  const all = { edge, relay, one, seen, told, replays: () => edge.sent("replay").map(({ room, after, last }) => [room, after ?? -last]) };
  edge.link.tell({ op: "subscribed", re: edge.sent("subscribe").at(-1).id });
  followed(all);
  if (listed) list(all, listed);
  return all;
}

const followed = ({ edge }) => edge.link.tell({ op: "ok", re: edge.sent("follow").at(-1).id, prefix: "m/" });
const list = ({ edge }, rooms, more = false) =>
  edge.link.tell({ op: "rooms", re: edge.sent("rooms").at(-1).id, rooms: rooms.map(([room, seq]) => ({ room, seq, count: 0 })), more });

function replayed({ edge }, room, frames, answer) {
  for (const frame of frames) edge.link.frame(frame);
  edge.link.tell({ op: "replayed", re: edge.sent("replay").filter((each) => each.room === room).at(-1).id, room, complete: true, more: false, count: 1, ...answer });
}

function again(all, members) {
  all.edge.link.closed("gone");
  all.edge.pass(500);
  goLive(all.edge, members);
  followed(all);
}

test("existing rooms are read from now on, new ones from their beginning", async () => {
  const all = await follow([["m/a", 5], ["m/b", 0]]);
  await all.one.entered();
  assert.deepEqual([all.edge.sent("subscribe").at(-1).prefixes, all.edge.sent("follow")[0].prefix, all.replays()], [["m/"], "m/", []]);
  for (const frame of [deliver("m/a", 5, [[6, "six"]]), deliver("m/new", 0, [[1, "one"]]), deliver("other", 0, [[1, "x"]]), deliver("m/late", 3, [[4, "four"]])]) {
    all.edge.link.frame(frame);
  }
  assert.deepEqual([all.seen, all.replays()], [[["m/a", "six"], ["m/new", "one"]], [["m/late", 0]]]);
  all.edge.link.tell({ op: "pong", heads: { "m/c": 2, other: 7 }, versions: {} });
  all.edge.pass(250);
  assert.deepEqual(all.replays().slice(1), [["m/c", 0]]);
});

test("the list is read to its end, and the last entries by replay", async () => {
  const all = await follow(null, { last: 2 });
  list(all, [["m/a", 5]], true);
  assert.equal(all.edge.sent("rooms").at(-1).after, "m/a");
  list(all, [["m/b", 0]]);
  assert.deepEqual([all.one.isReady, all.replays()], [false, [["m/a", -2], ["m/b", -2]]]);
  replayed(all, "m/a", [deliver("m/a", 3, [[4, "four"], [5, "five"]], { flags: 1 })], { seq: 5 });
  replayed(all, "m/b", [], { seq: 0 });
  assert.deepEqual([all.one.isReady, all.seen], [true, [["m/a", "four"], ["m/a", "five"]]]);
});

test("frames that come before the list are not missed", async () => {
  const all = await follow(null);
  all.edge.link.frame(deliver("m/a", 5, [[6, "six"]]));
  all.edge.link.frame(deliver("m/new", 0, [[1, "one"]]));
  list(all, [["m/a", 5]]);
  assert.deepEqual(all.replays(), [["m/a", 5], ["m/new", 0]]);
});

test("after a lost session rooms are listed and repaired", async () => {
  const all = await follow([["m/a", 5], ["m/gone", 3]]);
  again(all);
  list(all, [["m/a", 6]]);
  assert.deepEqual(all.replays(), [["m/a", 5], ["m/gone", 3]]);
  replayed(all, "m/a", [deliver("m/a", 5, [[6, "six"]], { flags: 1 })], { seq: 6 });
  replayed(all, "m/gone", [], { seq: 7, complete: false });
  await settled();
  assert.deepEqual([all.seen, all.told], [[["m/a", "six"], ["m/gone", "gone"]], [{ entries: 1, lost: false }]]);
});

test("another epoch begins its rooms anew", async () => {
  const all = await follow([["m/a", 5]]);
  again(all, { epoch: "0000000000000001" });
  list(all, [["m/a", 2]]);
  assert.deepEqual([all.seen, all.replays()], [[["m/a", "epoch"]], [["m/a", 0]]]);
});

test("a pong may ask for another list", async () => {
  const all = await follow([["m/a", 5]]);
  for (let count = 0; count < 2; count++) all.edge.link.tell({ op: "pong", heads: {}, versions: {}, list: true });
  assert.equal(all.edge.sent("rooms").length, 2);
  list(all, [["m/a", 5]]);
  assert.equal(all.edge.sent("rooms").length, 3, "what came during a list is looked at after it");
});

test("a room that may not be read now keeps its position", async () => {
  const all = await follow([["m/a", 5]]);
  all.edge.link.frame(deliver("m/a", 6, [[7, "seven"]]));
  all.edge.link.tell({ op: "error", re: all.edge.sent("replay").at(-1).id, code: "forbidden", text: "no" });
  all.edge.pass(2000);
  assert.deepEqual(all.replays(), [["m/a", 5]], "not again by itself");
  all.edge.link.frame(deliver("m/a", 7, [[8, "eight"]]));
  assert.deepEqual(all.replays(), [["m/a", 5], ["m/a", 5]]);
});

test("a prefix that is refused ends, and one that is left unfollows", async () => {
  const all = await follow([["m/a", 5]]);
  all.one.leave();
  assert.deepEqual([all.edge.sent("unfollow")[0].prefix, all.edge.sent("unsubscribe").at(-1).prefixes], ["m/", ["m/"]]);
  assert.equal((await all.one.next()).done, true);
  const refused = all.relay.join("n/*");
  await settled();
  all.edge.link.tell({ op: "subscribed", re: all.edge.sent("subscribe").at(-1).id });
  all.edge.link.tell({ op: "error", re: all.edge.sent("follow").at(-1).id, code: "too-many-joins", text: "no" });
  await assert.rejects(refused, { code: "too-many-joins" });
  await assert.rejects(all.relay.join("n/*", { after: 7 }), { code: "bad-argument" });
});

test("rooms take turns in a loop", async () => {
  const all = await follow([["m/a", 0], ["m/b", 0]]);
  const first = all.one.next();
  all.edge.link.frame(deliver("m/a", 0, [[1, "1"], [2, "2"], [3, "3"]]));
  all.edge.link.frame(deliver("m/b", 0, [[1, "4"]]));
  const texts = [(await first).value.text];
  for (let count = 0; count < 3; count++) texts.push((await all.one.next()).value.text);
  assert.deepEqual(texts, ["1", "2", "4", "3"]);
});

test("beyond its limit of rooms it forgets the one that moved least recently", async () => {
  const asked = [];
  const session = { epoch: EPOCH, state: "live", ask: (op, members, done) => asked.push({ op, done }), after() {}, cancel() {}, armed: () => false };
  const one = new Prefix(session, "m/", {}, (name, options, followed) => new Room(session, () => ({ run() {}, slice() {} }), null, name, options, followed), 2);
  const seen = [];
  one.on("forgotten", ({ room, seq }) => seen.push([room, seq]));
  one.on("entry", ({ room, text }) => seen.push([room, text]));
  one.enter();
  asked.pop().done(null, {});
  asked.pop().done(null, { rooms: [{ room: "m/a", seq: 5 }, { room: "m/b", seq: 5 }], more: false });
  const frame = (room, prev, seq) => one.deliver({ room, prev, entries: [{ type: "entry", room, seq, text: `${seq}`, body: [] }] });
  frame("m/a", 5, 6);
  await one.next();
  frame("m/c", 0, 1);
  frame("m/b", 6, 7);
  assert.deepEqual(seen, [["m/a", "6"], ["m/b", 5], ["m/c", "1"], ["m/a", 6], ["m/b", "7"]]);
});
