// The client as a whole, without a broker: rooms, repair, publishing, and the end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Relay } from "../../../../client/js/lib/relay.js";
import { EPOCH, FakeEdge, goLive, welcome } from "./fake.mjs";

const settled = () => new Promise((resolve) => setImmediate(resolve));
const u64 = (value) => [...new Uint8Array(new BigUint64Array([BigInt(value)]).buffer)].reverse();

/** A DELIVER frame; entries are [seq, text, key]. */
function deliver(room, prev, entries, { flags = 0, epoch = EPOCH } = {}) {
  const bytes = (text) => [...Buffer.from(text)];
  const all = entries.flatMap(([seq, text, key = ""]) =>
    [...u64(seq), ...u64(seq * 1000), text === null ? 1 : 0, 3, ...bytes("bob"), bytes(key).length, ...bytes(key), 0, 0, 0, bytes(text ?? "").length, ...bytes(text ?? "")]);
  return new Uint8Array([...bytes(room), 0, 1, flags, ...Buffer.from(epoch, "hex"), ...u64(prev), ...all]);
}

async function relay(options = {}) {
  const edge = new FakeEdge();
  const one = new Relay(edge, options);
  const events = [];
  for (const name of ["status", "recovered", "lost", "left", "direct", "problem", "closed"]) one.on(name, (value) => events.push([name, value]));
  const opened = one.open(0);
  goLive(edge);
  await opened;
  return { edge, one, events };
}

/** Joins a room whose head is `seq`. */
function join({ edge, one }, name, options, answer) {
  const room = one.room(name, options);
  const seen = [];
  for (const event of ["entry", "lost", "left", "gap", "presence"]) room.on(event, (value) => seen.push(event === "entry" ? value.text : event));
  enter(edge, name, answer);
  return { room, seen };
}

function enter(edge, name, { seq = 0, oldest = 0, recovered, version = 1, count = 1 } = {}) {
  const subscribe = edge.sent("subscribe").at(-1);
  edge.link.tell({ op: "subscribed", re: subscribe.id });
  const asked = edge.sent("join").filter(({ room }) => room === name).at(-1);
  edge.link.tell({ op: "joined", re: asked.id, room: name, seq, oldest, recovered, version, count, private: false });
}

function replayed(edge, frames, answer) {
  for (const frame of frames) edge.link.frame(frame);
  edge.link.tell({ op: "replayed", re: edge.sent("replay").at(-1).id, complete: true, more: false, count: 1, ...answer });
}

test("a new reader begins with the next entry", async () => {
  const all = await relay();
  const { room, seen } = join(all, "lobby", {}, { seq: 5 });
  await room.entered();
  assert.equal(all.edge.sent("replay").length, 0);
  all.edge.link.frame(deliver("lobby", 5, [[6, "six"]]));
  assert.deepEqual(seen, ["six"]);
  assert.deepEqual(room.position, { epoch: EPOCH, after: 6 });
});

test("the last entries and everything after a seq come by replay", async () => {
  const all = await relay();
  const { seen } = join(all, "lobby", { last: 2 }, { seq: 5 });
  assert.equal(all.edge.sent("replay")[0].last, 2);
  replayed(all.edge, [deliver("lobby", 3, [[4, "four"], [5, "five"]], { flags: 1 })], { seq: 5 });
  assert.deepEqual(seen, ["four", "five"]);
  const other = join(all, "other", { after: 3 }, { seq: 5, recovered: true });
  assert.equal(all.edge.sent("join").at(-1).after, 3);
  assert.equal(all.edge.sent("replay").at(-1).after, 3);
  replayed(all.edge, [deliver("other", 3, [[5, "five"]], { flags: 1 })], { seq: 5 });
  assert.deepEqual(other.seen, ["five"]);
});

test("a position of another epoch is told as lost", async () => {
  const all = await relay();
  const { seen } = join(all, "lobby", { after: 3, epoch: "0000000000000001" }, { seq: 5, recovered: true });
  assert.deepEqual(seen, ["lost"]);
  assert.equal(all.edge.sent("replay").at(-1).after, 0);
});

test("a gap is repaired by a replay, once and in order", async () => {
  const all = await relay();
  const { seen } = join(all, "lobby", {}, { seq: 5 });
  all.edge.link.frame(deliver("lobby", 6, [[7, "seven"]]));
  all.edge.link.frame(deliver("lobby", 7, [[8, "eight"]]));
  assert.deepEqual(all.edge.sent("replay").map(({ after }) => after), [5]);
  replayed(all.edge, [deliver("lobby", 5, [[6, "six"], [7, "seven"], [8, "eight"]], { flags: 1 })], { seq: 8 });
  all.edge.link.frame(deliver("lobby", 7, [[8, "eight"]]));
  all.edge.link.frame(deliver("lobby", 8, [[9, "nine"]]));
  assert.deepEqual(seen, ["gap", "six", "seven", "eight", "nine"]);
});

test("a lost tail shows in pong, after a grace", async () => {
  const all = await relay();
  join(all, "lobby", {}, { seq: 5 });
  all.edge.link.tell({ op: "pong", heads: { lobby: 6 }, versions: {} });
  all.edge.link.frame(deliver("lobby", 5, [[6, "six"]]));
  all.edge.pass(300);
  assert.equal(all.edge.sent("replay").length, 0, "it came within the grace");
  all.edge.link.tell({ op: "pong", heads: { lobby: 7 }, versions: {} });
  all.edge.pass(249);
  assert.equal(all.edge.sent("replay").length, 0);
  const subscriptions = all.edge.sent("subscribe").length;
  all.edge.pass(1);
  assert.deepEqual([all.edge.sent("replay").at(-1).after, all.edge.sent("subscribe").length], [6, subscriptions + 1]);
});

test("entries that the broker forgot are told of", async () => {
  const all = await relay();
  const { room, seen } = join(all, "lobby", { after: 2 }, { seq: 9, oldest: 7, recovered: false });
  const lost = all.events.find(([name]) => name === "lost")[1];
  assert.deepEqual(lost, { type: "lost", room: "lobby", reason: "gone", after: 2, next: 7 });
  replayed(all.edge, [deliver("lobby", 7, [[8, "eight"], [9, "nine"]], { flags: 1 })], { seq: 9 });
  assert.deepEqual(seen, ["lost", "eight", "nine"]);
  const items = [await room.next(), await room.next()].map(({ value }) => value.type);
  assert.deepEqual(items, ["lost", "entry"], "a loop reads the loss in its place");
});

test("after a lost session all is joined, repaired and told of", async () => {
  const all = await relay();
  const { seen } = join(all, "lobby", {}, { seq: 5 });
  all.edge.link.closed("gone");
  assert.deepEqual(all.events.at(-1), ["status", { state: "offline", why: undefined }]);
  all.edge.pass(500);
  goLive(all.edge);
  const asked = all.edge.sent("join")[0];
  assert.equal(asked.after, 5);
  all.edge.link.tell({ op: "joined", re: asked.id, room: "lobby", seq: 7, oldest: 0, recovered: true, version: 1, count: 1 });
  replayed(all.edge, [deliver("lobby", 5, [[6, "six"], [7, "seven"]], { flags: 1 })], { seq: 7 });
  await settled();
  assert.deepEqual(seen, ["six", "seven"]);
  assert.deepEqual(all.events.at(-1), ["recovered", { entries: 2, lost: false }]);
});

test("another epoch begins every room anew", async () => {
  const all = await relay();
  const { seen } = join(all, "lobby", {}, { seq: 5 });
  all.edge.link.closed("gone");
  all.edge.pass(500);
  goLive(all.edge, { epoch: "0000000000000001" });
  all.edge.link.tell({ op: "joined", re: all.edge.sent("join")[0].id, room: "lobby", seq: 1, oldest: 0, recovered: true, version: 1, count: 1 });
  replayed(all.edge, [deliver("lobby", 0, [[1, "new"]], { flags: 1, epoch: "0000000000000001" })], { seq: 1 });
  await settled();
  assert.deepEqual(seen, ["lost", "new"]);
  assert.deepEqual(all.events.at(-1), ["recovered", { entries: 1, lost: true }]);
});

test("a replay that a lost session interrupted is made again", async () => {
  const all = await relay();
  const { seen } = join(all, "lobby", { last: 5 }, { seq: 5 });
  all.edge.link.frame(deliver("lobby", 3, [[4, "four"]], { flags: 1 }));
  all.edge.link.closed("gone");
  all.edge.pass(500);
  goLive(all.edge);
  all.edge.link.tell({ op: "joined", re: all.edge.sent("join")[0].id, room: "lobby", seq: 5, oldest: 0, recovered: true, version: 1, count: 1 });
  assert.equal(all.edge.sent("replay")[0].after, 4);
  replayed(all.edge, [deliver("lobby", 4, [[5, "five"]], { flags: 1 })], { seq: 5 });
  assert.deepEqual(seen, ["four", "five"]);
});

test("a room that may not be read is refused; one that is taken away ends", async () => {
  const all = await relay();
  const refused = all.one.join("secret");
  await settled();
  all.edge.link.tell({ op: "subscribed", re: all.edge.sent("subscribe").at(-1).id });
  all.edge.link.tell({ op: "error", re: all.edge.sent("join")[0].id, code: "forbidden", text: "no" });
  await assert.rejects(refused, { code: "forbidden" });
  assert.equal(all.one.rooms.size, 0);
  const { room } = join(all, "lobby", {}, { seq: 5 });
  all.edge.link.tell({ op: "left", room: "lobby", reason: "revoked", seq: 5 });
  const { value } = await room.next();
  assert.deepEqual([value.type, value.reason], ["left", "revoked"]);
  assert.equal((await room.next()).done, true);
  assert.deepEqual(all.edge.sent("unsubscribe").at(-1).rooms, ["lobby"]);
});

test("a room that is joined while the session begins is subscribed to, too", async () => {
  const edge = new FakeEdge();
  const one = new Relay(edge, {});
  one.open(0);
  edge.link.opened();
  edge.link.tell(welcome());
  one.room("late");
  assert.deepEqual(edge.sent("subscribe").map(({ rooms }) => rooms), [[], ["late"]]);
  edge.link.tell({ op: "subscribed", re: edge.sent("subscribe")[0].id });
  assert.equal(edge.sent("join").length, 0);
  edge.link.tell({ op: "subscribed", re: edge.sent("subscribe")[1].id });
  assert.equal(edge.sent("join").length, 1);
});

/** The gateway refuses the newest `subscribe`, since it reads no more rooms for this client. */
const crowded = (edge) => edge.link.tell({ op: "error", re: edge.sent("subscribe").at(-1).id, code: "too-many-joins", text: "unsubscribe from some" });

test("a room beyond those that the gateway reads for one client is refused, and the others go on", async () => {
  const all = await relay();
  const { room, seen } = join(all, "lobby", {}, { seq: 5 });
  await room.entered();
  const refused = all.one.join("second");
  await settled();
  crowded(all.edge);
  await assert.rejects(refused, { code: "too-many-joins" });
  assert.deepEqual([[...all.one.rooms.keys()], all.edge.sent("subscribe").at(-1).rooms], [["lobby"], ["lobby"]]);
  all.edge.link.tell({ op: "subscribed", re: all.edge.sent("subscribe").at(-1).id });
  all.edge.link.frame(deliver("lobby", 5, [[6, "six"]]));
  assert.deepEqual([seen, all.edge.sent("join").length], [["six"], 1]);
});

test("a gateway that reads fewer rooms than before gets the newest ones refused", async () => {
  const all = await relay();
  for (const name of ["a", "b", "c", "d"]) join(all, name, {}, { seq: 5 });
  await settled();
  const { limits } = welcome();
  all.edge.link.closed("gone");
  all.edge.pass(500);
  all.edge.link.opened();
  all.edge.link.tell(welcome({ limits: { ...limits, rooms: 2 } }));
  crowded(all.edge);
  assert.deepEqual(all.edge.sent("subscribe").at(-1).rooms, ["a", "b"]);
  crowded(all.edge); /* its topics are scarce, too */
  assert.deepEqual(all.edge.sent("subscribe").at(-1).rooms, ["a"]);
  all.edge.link.tell({ op: "subscribed", re: all.edge.sent("subscribe").at(-1).id });
  assert.deepEqual([all.one.status, all.edge.sent("join").map(({ room }) => room)], ["online", ["a"]]);
  assert.deepEqual(all.edge.sent("unsubscribe").map(({ rooms }) => rooms[0]), ["c", "d", "b"]);
});

test("what is published goes out once the session is live, and again after a loss", async () => {
  const all = await relay();
  const ack = all.one.publish("lobby", "hello");
  await settled();
  const frames = () => all.edge.link.sent.filter((each) => each instanceof Uint8Array);
  assert.equal(frames().length, 1);
  all.edge.link.closed("gone");
  all.edge.pass(500);
  goLive(all.edge);
  assert.equal(frames().length, 1);
  all.edge.link.frame(new Uint8Array([2, 1, ...u64(1), ...u64(0)]));
  assert.deepEqual(await ack, { room: "lobby", seq: null, level: "memory" });
});

test("the broker's pause stops publishing for its time", async () => {
  const all = await relay();
  all.edge.link.tell({ op: "error", code: "rate-limited", text: "", wait: 200 });
  all.one.publish("lobby", "hello");
  await settled();
  const frames = () => all.edge.link.sent.filter((each) => each instanceof Uint8Array).length;
  assert.equal(frames(), 0);
  all.edge.pass(200);
  assert.equal(frames(), 1);
});

test("live state comes from a snapshot and then from the room", async () => {
  const all = await relay();
  const { room } = join(all, "lobby", {}, { seq: 9 });
  const loading = room.state();
  all.edge.link.frame(deliver("lobby", 9, [[10, "blue", "colour"]])); // newer than the snapshot
  all.edge.link.frame(deliver("lobby", 0, [[3, "red", "colour"], [4, "round", "form"]], { flags: 2 }));
  all.edge.link.tell({ op: "ok", re: all.edge.sent("state")[0].id, room: "lobby", seq: 9, count: 2, next: 4, more: false });
  const state = await loading;
  assert.deepEqual([...state].map(([key, { text }]) => [key, text]), [["colour", "blue"], ["form", "round"]]);
  const changes = [];
  state.on("change", ({ key, entry, before }) => changes.push([key, entry?.text, before?.text]));
  all.edge.link.frame(deliver("lobby", 10, [[11, null, "form"], [12, "x", "new"]]));
  assert.deepEqual(changes, [["form", undefined, "round"], ["new", "x", undefined]]);
  assert.equal(state.has("form"), false);
  assert.throws(() => state.set("a", "b"), /put/);
});

test("the snapshot is asked for once the room is joined", async () => {
  const all = await relay();
  const room = all.one.room("lobby");
  room.state();
  await settled();
  assert.equal(all.edge.sent("state").length, 0, "what came between the two would be missed");
  enter(all.edge, "lobby", { seq: 9 });
  await settled();
  assert.equal(all.edge.sent("state").length, 1);
});

test("history asks for what is before a seq, beside the room's own reading", async () => {
  const all = await relay();
  const { room, seen } = join(all, "lobby", {}, { seq: 9 });
  const slice = room.history({ before: 5, limit: 2 });
  const asked = all.edge.sent("replay")[0];
  assert.deepEqual([asked.last, asked.until], [2, 4]);
  replayed(all.edge, [deliver("lobby", 2, [[3, "three"], [4, "four"]], { flags: 1 })], { seq: 4 });
  assert.deepEqual((await slice).entries.map(({ text }) => text), ["three", "four"]);
  assert.deepEqual(seen, []);
  assert.deepEqual(await room.history({ before: 1 }), { entries: [], complete: true, more: false });
});

test("close waits for acks, says bye, and refuses everything afterwards", async () => {
  const all = await relay();
  const ack = all.one.publish("lobby", "hello");
  await settled();
  const closed = all.one.close();
  await settled();
  assert.equal(all.edge.sent("bye").length, 0);
  all.edge.link.frame(new Uint8Array([2, 1, ...u64(1), ...u64(7)]));
  await ack;
  await settled();
  all.edge.link.tell({ op: "ok", re: all.edge.sent("bye")[0].id });
  await closed;
  assert.equal(all.one.status, "closed");
  await assert.rejects(all.one.publish("lobby", "x"), { code: "closed" });
  await assert.rejects(all.one.join("lobby"), { code: "closed" });
});

test("connect gives up after its patience", async () => {
  const edge = new FakeEdge();
  const one = new Relay(edge, {});
  const opened = one.open(1000);
  edge.pass(1000);
  await assert.rejects(opened, { code: "timed-out" });
});

test("close ends a client that never connected", async () => {
  const edge = new FakeEdge();
  const one = new Relay(edge, {});
  const opened = assert.rejects(one.open(0), { code: "closed" });
  await one.close();
  await opened;
  assert.equal(one.status, "closed");
});

test("a link that is lost while bye is under way stays closed", async () => {
  const { edge, one } = await relay();
  const closed = one.close();
  await settled();
  assert.equal(edge.sent("bye").length, 1);
  edge.link.closed("gone");
  await closed;
  edge.pass(100000);
  assert.deepEqual([one.status, edge.links.length], ["closed", 1]);
});
