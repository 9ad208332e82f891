// What the chat page decides without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Conversation, continues } from "../../../../client/gateway/page/conversation.js";
import { day, harmless, hueOf, mentions, metaOf, parts, statusOf } from "../../../../client/gateway/page/format.js";
import { entry } from "./fake.mjs";

const kinds = (text, nick = "ann") => parts(text, nick).map(({ kind, text: part }) => `${kind}:${part}`);

test("a nick is mentioned as a word only", () => {
  for (const text of ["ann", "hi ann!", "@ann", "(Ann)", "ann: look", "is it ann?"]) assert.equal(mentions(text, "ann"), true, text);
  for (const text of ["anna", "joann", "ann_b", "channel", "", "änn", "ann-marie"]) assert.equal(mentions(text, "ann"), false, text);
  assert.equal(mentions("hallo jürgen.", "jürgen"), true);
});

test("links, code and mentions are parts of a message, and markup is text", () => {
  assert.deepEqual(kinds("see https://example.org/a_(b)."), ["text:see ", "link:https://example.org/a_(b", "text:)."]);
  assert.deepEqual(kinds("run `ls ann` now, @ann"), ["text:run ", "code:ls ann", "text: now, ", "mention:@ann"]);
  assert.deepEqual(kinds("javascript:alert(1) <b>x</b>"), ["text:javascript:alert(1) <b>x</b>"]);
  assert.equal(parts("a`b`c https://x.yz", "").map(({ text }) => text).join(""), "abc https://x.yz");
});

test("characters that deceive are shown as numbers", () => {
  assert.equal(harmless("a\u202eb\u0007\n\tc"), "a⟨202e⟩b⟨0007⟩\n\tc");
});

test("a meta shows a status, or that its user is away and why", () => {
  for (const meta of [undefined, {}, { cursor: 1 }, { status: 7, away: true }]) assert.deepEqual(statusOf(meta), { away: false, text: "" });
  assert.deepEqual(statusOf({ status: "reading" }), { away: false, text: "reading" });
  assert.deepEqual(statusOf({ status: "reading", away: "at lunch" }), { away: true, text: "away: at lunch" });
  assert.deepEqual(statusOf({ away: "" }), { away: true, text: "away" });
  assert.equal([...statusOf({ status: "😀".repeat(90) }).text].length, 80);
  for (const shown of [{ status: "", away: false }, { status: "x", away: false }, { status: "", away: true }, { status: "x", away: true }]) {
    assert.equal(statusOf(metaOf(shown)).away, shown.away);
    assert.equal(statusOf(metaOf(shown)).text.includes("x"), shown.status === "x");
  }
});

test("colours belong to names", () => {
  assert.equal(hueOf("ann"), hueOf("ann"));
  assert.ok(new Set(["ann", "bob", "carl", "dora", "eve", "finn"].map(hueOf)).size > 3);
});

test("days have names", () => {
  const now = new Date(2026, 4, 20, 1);
  assert.equal(day(new Date(2026, 4, 20, 0, 1), now), "Today");
  assert.equal(day(new Date(2026, 4, 19, 23, 59), now), "Yesterday");
  assert.match(day(new Date(2026, 4, 1), now), /2026/);
});

test("what the user did not see is counted, mentions apart", () => {
  const lobby = new Conversation("room", "lobby", { read: 3 });
  lobby.entry(entry(3), "ann", false);
  assert.equal(lobby.unread, 0, "read before");
  lobby.entry(entry(4), "ann", false);
  lobby.entry(entry(5, { text: "ann?" }), "ann", false);
  lobby.entry(entry(6, { sender: "ann" }), "ann", false);
  lobby.entry(entry(7, { key: "topic" }), "ann", false);
  assert.deepEqual([lobby.unread, lobby.called], [2, 1]);
  lobby.entry(entry(8), "ann", true);
  assert.deepEqual([lobby.unread, lobby.called, lobby.read], [0, 0, 8]);
});

test("older entries come before the others, once", () => {
  const lobby = new Conversation("room", "lobby");
  lobby.entry(entry(10), "ann", true);
  const items = lobby.older({ entries: [entry(8), entry(9), entry(10)], more: true }, "ann");
  assert.deepEqual(items.map(({ seq }) => seq), [8, 9]);
  assert.deepEqual(lobby.items.map(({ seq }) => seq), [8, 9, 10]);
  assert.equal(lobby.oldest, 8);
});

test("a conversation keeps a bounded number of items and fetches the others again", () => {
  const lobby = new Conversation("room", "lobby");
  for (let seq = 1; seq <= 1200; seq++) lobby.entry(entry(seq), "ann", true);
  assert.equal(lobby.isLong(false), false);
  lobby.entry(entry(1201), "ann", true);
  assert.deepEqual([lobby.isLong(false), lobby.isLong(true)], [true, false]);
  assert.equal(lobby.trim(), 201);
  assert.deepEqual([lobby.items.length, lobby.oldest, lobby.more, lobby.trim()], [1000, 202, true, 0]);
});

test("another log of the relay begins a conversation anew", () => {
  const lobby = new Conversation("room", "lobby", { read: 7 });
  lobby.entry(entry(9), "ann", true);
  lobby.anew();
  lobby.entry(entry(1), "ann", false);
  assert.deepEqual([lobby.unread, lobby.oldest, lobby.newest], [1, 1, 1]);
});

test("messages of one sender within five minutes stand together", () => {
  const at = (sender, minutes) => ({ type: "message", sender, date: new Date(2026, 0, 1, 0, minutes) });
  assert.equal(continues(at("ann", 0), at("ann", 4)), true);
  assert.equal(continues(at("ann", 0), at("ann", 5)), false);
  assert.equal(continues(at("ann", 0), at("bob", 1)), false);
  assert.equal(continues(undefined, at("ann", 0)), false);
});
