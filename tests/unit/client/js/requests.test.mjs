// Requests and answers, without a broker.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Relay } from "../../../../client/js/lib/relay.js";
import { FakeEdge, entry, goLive } from "./fake.mjs";

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function relay() {
  const edge = new FakeEdge();
  const one = new Relay(edge, {});
  const opened = one.open(0);
  goLive(edge);
  await opened;
  return { edge, one };
}

const direct = (edge, members) => edge.link.tell({ op: "direct", from: "bob", time: 1, ...members });
const ok = (edge, op, members = {}) => edge.link.tell({ op: op === "publish" ? "ack" : "ok", re: edge.sent(op).at(-1).id, ...members });

test("the first answer that names the request", async () => {
  const { edge, one } = await relay();
  const answer = one.request("2+2", { to: "bob" });
  const { to, text, ask } = edge.sent("direct")[0];
  assert.deepEqual([to, text], ["bob", "2+2"]);
  direct(edge, { text: "early", answer: ask }); // it may come before it is known that the request is on its way
  ok(edge, "direct");
  direct(edge, { text: "late", answer: ask });
  assert.equal((await answer).text, "early");
});

test("other answers and plain messages are none", async () => {
  const { edge, one } = await relay();
  const answer = one.request("2+2", { to: "bob" });
  ok(edge, "direct");
  await settled();
  direct(edge, { text: "psst" });
  direct(edge, { text: "5", answer: "another" });
  direct(edge, { text: "4", answer: edge.sent("direct")[0].ask });
  assert.equal((await answer).text, "4");
});

test("a room's answers name its entry, until the time is over", async () => {
  const { edge, one } = await relay();
  const found = [];
  const reading = (async () => {
    for await (const { text } of one.answers("2+2", { room: "sums", timeout: 500 })) found.push(text);
  })();
  await settled();
  ok(edge, "publish", { room: "sums", seq: 7, level: "memory" });
  await settled();
  direct(edge, { text: "4", answer: "sums 7" });
  direct(edge, { text: "5", answer: "sums 8" });
  direct(edge, { text: "four", answer: "sums 7" });
  await settled();
  edge.pass(500);
  await reading;
  assert.deepEqual(found, ["4", "four"]);
});

test("requests that fail", async () => {
  const { edge, one } = await relay();
  const code = (promise) => promise.then(() => "none", (error) => error.code);
  const refused = code(one.request("x", { to: "bob" }));
  edge.link.tell({ op: "error", re: edge.sent("direct")[0].id, code: "no-such-user", text: "nobody" });
  assert.equal(await refused, "no-such-user");
  const failed = code(one.request("x", { to: "bob" }));
  ok(edge, "direct");
  direct(edge, { text: "why", answer: edge.sent("direct").at(-1).ask, failed: true });
  assert.equal(await failed, "failed");
  const late = code(one.request("x", { to: "bob", timeout: 100 }));
  await settled();
  edge.pass(100);
  assert.equal(await late, "timed-out");
  const blind = code(one.request("x", { room: "r" }));
  await settled();
  ok(edge, "publish", { room: "r", seq: 0, level: "memory" });
  assert.equal(await blind, "forbidden");
  assert.equal(await code(one.request("x", {})), "bad-argument");
  assert.equal(await code(one.answer({ from: "bob", text: "x" }, "y")), "bad-argument");
});

test("requests are served, so many at a time, and failures are told", async () => {
  const { edge, one } = await relay();
  const stop = new AbortController();
  const problems = [];
  one.on("problem", (error) => problems.push(error.message));
  let go;
  const serving = one.serve(({ text }) => {
    if (text === "bad") throw new Error("why");
    return text === "slow" ? new Promise((resolve) => (go = resolve)) : `${text}!`;
  }, { concurrency: 1, signal: stop.signal });
  direct(edge, { text: "psst" });
  for (const text of ["slow", "bad", "good"]) direct(edge, { text, ask: text });
  await settled();
  assert.equal(edge.sent("direct").length, 0);
  go("done");
  for (let i = 0; i < 3; i++) {
    await settled();
    ok(edge, "direct");
  }
  await settled();
  const said = edge.sent("direct").map(({ to, text, answer, failed }) => [to, text, answer, failed]);
  assert.deepEqual(said, [["bob", "done", "slow", undefined], ["bob", "why", "bad", true], ["bob", "good!", "good", undefined]]);
  assert.deepEqual(problems, ["why"]);
  stop.abort();
  await serving;
  direct(edge, { text: "after", ask: "x" });
  await settled();
  assert.equal(edge.sent("direct").length, 3);
  one.answer(entry(7, { room: "sums" }), "4");
  assert.equal(edge.sent("direct").at(-1).answer, "sums 7");
});
