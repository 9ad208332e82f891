// Writers and readers while broker and gateway are killed again and again: every reader has every message once, in one order.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect } from "zrelay";
import { connect as connectDirectly } from "zrelay/zeromq";
import { Stage, until } from "./harness.mjs";

const ROUNDS = 6;
const WRITERS = 3;
const BURST = 40; // messages of a writer in each round

test("nothing is lost or doubled while broker and gateway are killed", async (t) => {
  const stage = new Stage(t);
  let broker = await stage.broker("--data", await stage.folder());
  let gateway = await stage.gateway(broker);
  const url = `${gateway.address.replace(/^http/, "ws")}v1/ws`;
  const over = (nick) => (nick.endsWith("0") ? connectDirectly(broker.server, { nick }) : connect(url, { nick, WebSocket }));
  const relays = await Promise.all(Array.from({ length: WRITERS }, (_, at) => over(`client-${at}`)));
  for (const relay of relays) t.after(() => relay.close({ patience: 100 }));

  const seen = [];
  const faults = [];
  for (const relay of relays) {
    const texts = [];
    seen.push(texts);
    const room = await relay.join("storm", { after: 0 });
    for (const event of ["lost", "problem"]) relay.on(event, (value) => event === "lost" && faults.push(value));
    (async () => {
      for await (const item of room) if (item.type === "entry" && item.key === undefined) texts.push(`${item.seq} ${item.text}`);
    })();
  }
  const states = await Promise.all(relays.map(async (relay) => (await relay.rooms.get("storm")).state()));

  const acks = [];
  for (let round = 0; round < ROUNDS; round++) {
    const first = acks.length;
    for (const [writer, relay] of relays.entries()) {
      for (let number = 0; number < BURST; number++) acks.push(relay.publish("storm", `${writer}.${round}.${number}`));
      acks.push(states[writer].update("sum", (entry) => String(Number(entry?.text ?? 0) + 1)));
    }
    await Promise.race(acks.slice(first)); // some are answered, and others are under way
    if (round % 3 === 2) {
      await gateway.kill();
      gateway = await stage.gateway(broker, { listen: gateway.listen });
    } else {
      broker = await stage.restart(broker);
    }
  }
  await Promise.all(acks);
  const all = WRITERS * ROUNDS * BURST;
  await until(() => seen.every((texts) => texts.length >= all), () => `${all} messages, but there are ${seen.map((texts) => texts.length)}`);
  assert.equal(new Set(seen[0].map((text) => text.split(" ")[1])).size, all, "each message once");
  for (const texts of seen) assert.deepEqual(texts, seen[0], "one order");
  for (let writer = 0; writer < WRITERS; writer++) {
    const own = seen[0].map((text) => text.split(" ")[1]).filter((text) => text.startsWith(`${writer}.`));
    const expected = Array.from({ length: ROUNDS * BURST }, (_, at) => `${writer}.${Math.floor(at / BURST)}.${at % BURST}`);
    assert.deepEqual(own, expected, "a writer's messages are in its order");
  }
  await until(() => states.every((state) => state.get("sum")?.text === String(WRITERS * ROUNDS)), () => `the sum, but ${states.map((state) => state.get("sum")?.text)}`);
  assert.deepEqual(faults, [], "nothing was lost");
});

test("a client goes on at a broker that the one before named", async (t) => {
  const upstream = await new Stage(t).broker();
  const leaf = async (config) => {
    const stage = new Stage(t);
    const file = `${await stage.folder()}/zrelayd.conf`;
    await writeFile(file, config, { mode: 0o600 });
    return stage.broker("--upstream", upstream.server, "--config", file);
  };
  const other = await leaf("");
  const one = await leaf(`cluster\n    peers = ${other.server}\n`);
  const relay = await connectDirectly(one.server, { nick: "ann" });
  t.after(() => relay.close({ patience: 100 }));
  const room = await relay.join("lobby");
  await one.kill();
  await relay.publish("lobby", "on");
  assert.equal((await room.next()).value.text, "on");
});
