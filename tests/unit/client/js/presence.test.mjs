import assert from "node:assert/strict";
import { test } from "node:test";
import { Presence } from "../../../../client/js/lib/presence.js";

function presence() {
  const asked = [];
  const told = [];
  const one = new Presence((members, done) => asked.push({ members, done }), (change) => told.push(change));
  const answer = (nicks, { version = 1, more = false, count = nicks.length } = {}) =>
    asked.shift().done(null, { users: nicks.map((nick) => ({ nick })), version, more, count });
  const nicks = () => [...one.users.keys()].sort();
  return { one, asked, told, answer, nicks };
}

const frame = (version, joined, left, count) => ({ version, joined: joined.map((nick) => ({ nick })), left: left.map((nick) => ({ nick, reason: "leave" })), count });

test("who, page by page, and then the frames after it", () => {
  const { one, asked, answer, nicks, told } = presence();
  one.joined({ version: 7, count: 3 });
  one.frame(frame(8, ["dora"], ["ann"], 3));
  answer(["ann", "bob"], { version: 7, more: true, count: 3 });
  assert.deepEqual(asked[0].members, { after: "bob" });
  answer(["carl"], { version: 9, count: 3 });
  assert.deepEqual(nicks(), ["bob", "carl", "dora"], "the frame is newer than the first page");
  assert.equal(told.length, 2);
});

test("a missed version asks who, and old frames change nothing", () => {
  const { one, asked, answer, nicks } = presence();
  one.joined({ version: 1, count: 1 });
  answer(["ann"], { version: 5 });
  one.frame(frame(5, ["ghost"], [], 2));
  assert.deepEqual(nicks(), ["ann"]);
  one.frame(frame(7, ["bob"], [], 2));
  assert.equal(asked.length, 1);
  answer(["ann", "bob", "carl"], { version: 7 });
  assert.deepEqual(nicks(), ["ann", "bob", "carl"]);
});

test("a version that a pong names and no frame brings asks who", () => {
  const { one, asked, answer } = presence();
  one.joined({ version: 1, count: 1 });
  answer(["ann"], { version: 5 });
  one.heard(5);
  assert.equal(asked.length, 0);
  one.heard(6);
  assert.equal(asked.length, 1);
});

test("a version that a pong names between two pages asks for the users again", () => {
  const { one, asked, answer, nicks } = presence();
  one.joined({ version: 1, count: 2 });
  one.heard(5);
  answer(["ann"], { version: 5, more: true, count: 2 });
  one.heard(6);
  answer(["bob"], { version: 6, count: 2 });
  assert.equal(asked.length, 1);
  answer(["bob"], { version: 6 });
  assert.deepEqual([asked.length, nicks()], [0, ["bob"]]);
});

test("a late frame of a crowd changes nothing", () => {
  const { one } = presence();
  one.joined({ version: 8, count: 600, crowded: true });
  one.frame({ version: 7, joined: [], left: [], count: 610, crowded: true });
  assert.equal(one.count, 600);
});

test("a crowded room names nobody until the crowd ends", () => {
  const { one, asked, answer, nicks } = presence();
  one.joined({ version: 1, count: 600, crowded: true });
  assert.deepEqual([asked.length, one.count, one.crowded], [0, 600, true]);
  one.frame({ version: 20, joined: [], left: [], count: 610, crowded: true });
  assert.deepEqual([asked.length, one.count], [0, 610], "missed versions do not matter");
  one.frame({ version: 21, joined: [], left: [], count: 200, crowded: false });
  answer(["ann", "bob"], { version: 21, count: 2 });
  assert.deepEqual([one.crowded, nicks()], [false, ["ann", "bob"]]);
});

test("what a user shows may change", () => {
  const { one, answer, told } = presence();
  one.joined({ version: 1, count: 1 });
  answer(["ann"], { version: 1 });
  one.frame({ version: 2, joined: [{ nick: "ann", meta: { status: "away" } }], left: [], count: 1 });
  assert.deepEqual(told.at(-1).changed, [{ nick: "ann", meta: { status: "away" } }]);
  assert.equal(one.users.get("ann").meta.status, "away");
  one.frame({ version: 3, joined: [], left: [], count: 1, changed: [{ nick: "ann", meta: { status: "back" } }, { nick: "ghost", meta: {} }] });
  assert.deepEqual(told.at(-1).changed, [{ nick: "ann", meta: { status: "back" } }]);
  one.frame({ version: 4, joined: [], left: [], count: 1, changed: [{ nick: "ann", meta: {} }] });
  assert.deepEqual([...one.users.values()], [{ nick: "ann" }]);
});
