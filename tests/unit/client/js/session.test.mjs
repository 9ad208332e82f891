import assert from "node:assert/strict";
import { test } from "node:test";
import { Servers } from "../../../../client/js/lib/servers.js";
import { Session } from "../../../../client/js/lib/session.js";
import { EPOCH, FakeEdge, goLive, welcome } from "./fake.mjs";

function session(rooms = [], prefixes = []) {
  const edge = new FakeEdge();
  const one = new Session(edge, { client: edge.id(), nick: "ann" }, () => ({ rooms, prefixes }));
  const events = [];
  for (const name of ["live", "down", "waiting", "epoch", "ended", "problem", "pause", "pong", "direct"]) one.on(name, (value) => events.push([name, value]));
  one.dial();
  return { edge, one, events, names: () => events.map(([name]) => name) };
}

test("hello, subscribe, live, and a ping every heartbeat", () => {
  const { edge, one, names } = session(["lobby"]);
  edge.link.opened();
  assert.equal(edge.sent("hello")[0].client, edge.id());
  edge.link.tell(welcome());
  assert.deepEqual(edge.sent("subscribe")[0].rooms, ["lobby"]);
  assert.equal(one.state, "subscribing");
  edge.link.tell({ op: "subscribed", re: edge.sent("subscribe")[0].id });
  assert.deepEqual([one.state, names()], ["live", ["live"]]);
  assert.equal(edge.sent("ping").length, 1);
  for (let beat = 0; beat < 3; beat++) {
    edge.pass(1000);
    edge.link.tell({ op: "pong" });
  }
  assert.equal(edge.sent("ping").length, 4);
});

test("without an answer to hello it says hello again, later each time", () => {
  const { edge } = session();
  edge.link.opened();
  edge.pass(5000);
  assert.equal(edge.sent("hello").length, 1, "the heartbeat and a random time");
  edge.pass(100);
  assert.equal(edge.sent("hello").length, 2);
});

test("three silent heartbeats, and a moment for what waited, end the link", () => {
  const { edge, names } = session();
  goLive(edge);
  edge.pass(3050);
  assert.equal(edge.link.isClosed, false);
  edge.link.tell({ op: "pong" }); // it came while the machine slept
  edge.pass(3050);
  assert.equal(edge.links.length, 1);
  edge.pass(100);
  assert.equal(edge.links[0].isClosed, true);
  assert.deepEqual(names().slice(-2), ["down", "waiting"]);
  edge.pass(100);
  assert.equal(edge.links.length, 2);
});

test("a link that cannot be made is tried again with a back-off up to ten seconds", () => {
  const { edge, events } = session();
  for (let attempt = 0; attempt < 12; attempt++) {
    edge.link.closed("refused");
    edge.pass(10000);
  }
  const waits = events.filter(([name]) => name === "waiting").map(([, { wait }]) => wait);
  assert.deepEqual(waits.slice(0, 4), [50, 100, 200, 400]);
  assert.equal(waits.at(-1), 5000);
});

test("hurry connects at once instead of after the back-off", () => {
  const { edge, one } = session();
  edge.link.closed("refused");
  one.hurry();
  assert.equal(edge.links.length, 2);
  one.hurry();
  assert.equal(edge.links.length, 2, "not while it connects already");
});

test("no-session resumes the session; soon after a welcome it backs off first", () => {
  const { edge, one } = session();
  goLive(edge);
  edge.pass(500);
  edge.link.tell({ op: "error", code: "no-session", text: "" });
  assert.equal(edge.links[0].isClosed, true, "lost within ten seconds");
  edge.pass(200);
  goLive(edge, { resume: "token-2" });
  for (let beat = 0; beat < 11; beat++) edge.pass(1000), edge.link.tell({ op: "pong" });
  edge.link.tell({ op: "error", code: "no-session", text: "" });
  assert.equal(edge.sent("hello").at(-1).resume, "token-2");
  assert.equal(one.state, "greeting");
  edge.link.tell({ op: "error", code: "no-session", text: "" });
  assert.equal(edge.sent("hello").length, 2, "answers to older frames change nothing");
});

test("another epoch is told before the session is live again", () => {
  const { edge, events, names } = session();
  goLive(edge);
  edge.pass(400);
  edge.link.closed("gone");
  edge.pass(200);
  goLive(edge, { epoch: "0000000000000001" });
  assert.deepEqual(names(), ["live", "down", "waiting", "epoch", "live"]);
  assert.deepEqual(events[3][1], { before: EPOCH, now: "0000000000000001" });
});

test("a sync in another epoch says hello again", () => {
  const { edge, one } = session();
  edge.link.opened();
  edge.link.tell(welcome());
  edge.link.tell({ op: "subscribed", re: edge.sent("subscribe")[0].id, epoch: "0000000000000001" });
  assert.equal(one.state, "greeting");
});

test("requests of a lost session are asked again, or interrupted", () => {
  const { edge, one } = session();
  goLive(edge);
  const answers = [];
  one.ask("who", { room: "a" }, (error, m) => answers.push(["who", error?.code, m?.count]));
  one.ask("direct", { to: "b", text: "x" }, (error) => answers.push(["direct", error?.code]), { again: false });
  edge.link.closed("gone");
  assert.deepEqual(answers, [["direct", "interrupted"]]);
  one.ask("direct", { to: "b", text: "later" }, (error) => answers.push(["later", error?.code ?? "ok"]), { again: false });
  edge.pass(200);
  goLive(edge);
  assert.equal(edge.sent("direct")[0].text, "later", "what was not sent yet waits");
  edge.link.tell({ op: "who", re: edge.sent("who")[0].id, count: 5, users: [] });
  assert.deepEqual(answers.at(-1), ["who", undefined, 5]);
});

test("at most as many replays as the broker allows are under way", () => {
  const { edge, one } = session();
  goLive(edge, { limits: { replays: 2 } });
  for (const room of ["a", "b", "c"]) one.ask("replay", { room, after: 0 }, () => {});
  assert.deepEqual(edge.sent("replay").map(({ room }) => room), ["a", "b"]);
  edge.link.tell({ op: "replayed", re: edge.sent("replay")[0].id });
  assert.deepEqual(edge.sent("replay").map(({ room }) => room), ["a", "b", "c"]);
});

test("at most 200 requests are unanswered", () => {
  const { edge, one } = session();
  goLive(edge);
  for (let number = 0; number < 201; number++) one.ask("who", { room: "a" }, () => {});
  assert.equal(edge.sent("who").length, 200);
  edge.link.tell({ op: "who", re: edge.sent("who")[0].id });
  assert.equal(edge.sent("who").length, 201);
});

test("rate-limited requests are asked again after the wait; without `re` it is a pause for publishing", () => {
  const { edge, one, events } = session();
  goLive(edge);
  one.ask("who", { room: "a" }, () => {});
  edge.link.tell({ op: "error", code: "rate-limited", text: "", wait: 300, re: edge.sent("who")[0].id });
  edge.pass(299);
  assert.equal(edge.sent("who").length, 1);
  edge.pass(1);
  assert.equal(edge.sent("who").length, 2);
  edge.link.tell({ op: "error", code: "rate-limited", text: "", wait: 250 });
  assert.deepEqual(events.at(-1), ["pause", 250]);
});

test("a refused hello ends the session, or is tried again", () => {
  const refused = (code, first = true) => {
    const { edge, one, names } = session();
    if (first) edge.link.opened();
    else goLive(edge), edge.pass(50), edge.link.closed("gone"), edge.pass(300), edge.link.opened();
    edge.link.tell({ op: "error", code, text: "", re: "hello" });
    edge.pass(2000);
    return [one.state, names().at(-1), edge.sent("hello").length];
  };
  assert.deepEqual(refused("nick-in-use"), ["closed", "ended", 1]);
  assert.deepEqual(refused("login-failed"), ["closed", "ended", 1]);
  assert.deepEqual(refused("too-many-sessions"), ["greeting", "problem", 2]);
  assert.deepEqual(refused("nick-in-use", false), ["greeting", "problem", 2], "somebody took the nick meanwhile");
});

test("a queued login is waited for, two minutes at most", () => {
  const { edge } = session();
  edge.link.opened();
  for (let second = 0; second < 119; second++) edge.pass(1000), edge.link.tell({ op: "queued", ahead: 5 });
  assert.equal(edge.sent("hello").length, 1);
  for (let second = 0; second < 8; second++) edge.pass(1000), edge.link.tell({ op: "queued", ahead: 5 });
  assert.ok(edge.sent("hello").length > 1);
});

test("bye says whether to come again", () => {
  const after = (reason) => {
    const { edge, one } = session();
    goLive(edge);
    edge.link.tell({ op: "bye", reason });
    edge.pass(1000);
    return [one.state, edge.sent("hello").length];
  };
  for (const reason of ["shutdown", "replaced", "expired"]) assert.deepEqual(after(reason), ["greeting", 2], reason);
  for (const reason of ["revoked", "banned", "kicked", "flooding"]) assert.deepEqual(after(reason), ["closed", 1], reason);
});

test("frames of another epoch are dropped and asked about, unreadable ones dropped", () => {
  const { edge, one } = session();
  goLive(edge);
  let delivered = 0;
  one.on("deliver", () => delivered++);
  const frame = new Uint8Array([0x61, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 9, ...new Array(8).fill(0), ...new Array(16).fill(0), 0, 0, 0, 0, 0, 0, 0]);
  const pings = edge.sent("ping").length;
  edge.link.frame(frame);
  edge.link.frame(frame.subarray(0, 20));
  edge.link.frame("{not json");
  assert.deepEqual([delivered, edge.sent("ping").length], [0, pings + 1]);
});

test("the end answers all requests and leaves no timer", () => {
  const { edge, one } = session();
  goLive(edge);
  const codes = [];
  one.ask("who", { room: "a" }, (error) => codes.push(error.code));
  one.close();
  one.ask("who", { room: "a" }, (error) => codes.push(error.code));
  edge.pass(100000);
  assert.deepEqual([codes, edge.links.length, edge.link.isClosed], [["closed", "closed"], 1, true]);
});

test("subscribe is sent again when its answer is lost", () => {
  const { edge, one } = session(["a"]);
  edge.link.opened();
  edge.link.tell(welcome({ heartbeat: 60000 }));
  edge.pass(10000);
  assert.equal(edge.sent("subscribe").length, 2);
  edge.link.tell({ op: "subscribed", re: edge.sent("subscribe")[1].id });
  assert.equal(one.state, "live");
});

test("a session is live only once all that it subscribes to is", () => {
  const { edge, one } = session(["a"], ["m/"]);
  edge.link.opened();
  edge.link.tell(welcome({ heartbeat: 60000 }));
  const [rooms, prefixes] = edge.sent("subscribe");
  edge.link.tell({ op: "error", re: rooms.id, code: "rate-limited", wait: 300 });
  edge.link.tell({ op: "subscribed", re: prefixes.id });
  assert.equal(one.state, "subscribing");
  edge.pass(300);
  assert.deepEqual(edge.sent("subscribe").at(-2).rooms, ["a"]);
  edge.link.tell({ op: "subscribed", re: edge.sent("subscribe").at(-2).id });
  assert.equal(one.state, "subscribing");
  edge.link.tell({ op: "subscribed", re: edge.sent("subscribe").at(-1).id });
  assert.equal(one.state, "live");
});

test("show renews the session, and a session that began anew is greeted again", () => {
  const { edge, one } = session();
  goLive(edge);
  const told = [];
  one.show({ status: "away" }, (error) => told.push(error));
  const renewal = edge.sent("hello").at(-1);
  assert.deepEqual([renewal.meta, renewal.resume, one.state], [{ status: "away" }, undefined, "live"]);
  edge.link.tell({ ...welcome(), re: renewal.id, resumed: true });
  assert.deepEqual([told, one.state], [[null], "live"]);
  one.show({}, (error) => told.push(error));
  edge.link.tell({ ...welcome(), re: edge.sent("hello").at(-1).id, resumed: false });
  assert.equal(one.state, "greeting");
  assert.deepEqual(edge.sent("hello").at(-1).meta, {});
});

test("what the broker refuses to show is not shown later either", () => {
  const { edge, one } = session();
  goLive(edge);
  let code;
  one.show({ status: "too long" }, (error) => (code = error.code));
  edge.link.tell({ op: "error", re: edge.sent("hello").at(-1).id, code: "bad-member", text: "meta" });
  edge.link.closed("gone");
  edge.pass(500);
  edge.link.opened();
  assert.deepEqual([code, edge.sent("hello")[0].meta], ["bad-member", undefined]);
});

test("after a loss the next server is tried, and after the last the first", () => {
  const { edge } = session();
  edge.servers = new Servers([{ endpoint: "first" }, { endpoint: "second" }]);
  edge.link.closed("gone");
  edge.pass(1000);
  edge.link.closed("gone");
  edge.pass(1000);
  assert.deepEqual(edge.links.map(({ server }) => server), ["first", "second", "first"]);
});

test("a server that `welcome` names is tried after a loss", () => {
  const { edge } = session();
  edge.servers = new Servers([{ endpoint: "first" }], () => undefined);
  goLive(edge, { peers: ["second"] });
  edge.link.closed("gone");
  edge.pass(1000);
  assert.deepEqual(edge.links.map(({ server }) => server), ["first", "second"]);
});

test("the bye of a broker that ends leads to the next server at once", () => {
  const { edge } = session();
  edge.servers = new Servers([{ endpoint: "first" }, { endpoint: "second" }]);
  goLive(edge);
  edge.link.tell({ op: "bye", reason: "shutdown" });
  edge.pass(100);
  assert.deepEqual(edge.links.map(({ server }) => server), ["first", "second"]);
});
