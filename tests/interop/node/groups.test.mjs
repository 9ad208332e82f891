// Rooms of a prefix and workers of a group, as the JavaScript client has them over ZeroMQ and over WebSocket.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect as connectWebSocket } from "zrelay";
import { connect as connectZeromq } from "zrelay/zeromq";
import { Stage, until } from "./harness.mjs";

/** Two clients of one broker, over `way`. */
async function clients(t, way) {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const gateway = way === "websocket" && (await stage.gateway(broker));
  const connect = () => (gateway ? connectWebSocket(`${gateway.address.replace("http", "ws")}v1/ws`, { WebSocket }) : connectZeromq(broker.server));
  const all = await Promise.all([connect(), connect()]);
  for (const relay of all) t.after(() => relay.close({ patience: 100 }));
  return all;
}

for (const way of ["zeromq", "websocket"]) {
  test(`rooms of a prefix are read, existing and new ones, over ${way}`, async (t) => {
    const [ann, bob] = await clients(t, way);
    await ann.publish("m/old", "before");
    const prefix = await bob.join("m/*", { last: 1 });
    for (const [room, text] of [["m/new", "one"], ["other", "x"], ["m/old", "two"]]) await ann.publish(room, text);
    const seen = [];
    for await (const { room, text } of prefix) if (seen.push(`${room} ${text}`) === 3) break;
    assert.deepEqual(seen.sort(), ["m/new one", "m/old before", "m/old two"]);
  });

  test(`workers share a room, and each message is done once, over ${way}`, async (t) => {
    const all = await clients(t, way);
    for (let number = 0; number < 300; number++) all[0].publish("mails", `${number}`);
    const done = [];
    const stop = new AbortController();
    const working = all.map((relay) => relay.process("mails", "senders", (job) => done.push(Number(job.text)), { concurrency: 4, signal: stop.signal }));
    await until(() => done.length === 300, () => `${done.length} of 300`);
    stop.abort();
    await Promise.all(working);
    assert.deepEqual(done.sort((one, other) => one - other), Array.from({ length: 300 }, (_, number) => number));
    await until(async () => (await all[0].groups({ room: "mails" })).groups[0].done === 300, "all to be told as done");
    await all[0].group("mails", "senders", "delete");
    assert.deepEqual(await all[0].groups({ room: "mails" }), { groups: [], more: false });
  });

  test(`a job is retried, rejected and extended over ${way}`, async (t) => {
    const [ann] = await clients(t, way);
    for (const text of ["shy", "bad"]) await ann.publish("mails", text);
    const jobs = ann.work("mails", "senders", { credit: 2, dead: "mails/dead", backoff: 10 });
    const [shy, bad] = [(await jobs.next()).value, (await jobs.next()).value];
    assert.deepEqual(await Promise.all([shy.extend(60000), shy.retry(), bad.reject()]), ["memory", "memory", "memory"]);
    const again = (await jobs.next()).value;
    assert.deepEqual([again.text, again.deliveries, await again.done()], ["shy", 2, "memory"]);
    const [dead] = (await ann.history("mails/dead", { last: 1 })).entries;
    assert.equal(dead.text.split("\n")[1], "bad");
    jobs.leave();
  });
}
