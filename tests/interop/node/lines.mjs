#!/usr/bin/env node
// The JavaScript client as the conformance kit wants it: `lines.mjs sub SERVER ROOM` prints a line for each entry, `lines.mjs pub SERVER ROOM`
// publishes each line of stdin. SERVER is a broker's endpoint; with ZRELAY_OVER=websocket a bridge stands between.
import { createInterface } from "node:readline";
import { create as createWebSocket } from "zrelay";
import { create as createZeromq } from "zrelay/zeromq";

const [, , command, server, room] = process.argv;

async function create() {
  if (process.env.ZRELAY_OVER !== "websocket") return createZeromq(server);
  const [{ WebSocket }, { bridge }] = await Promise.all([import("ws"), import("./bridge.mjs")]);
  return createWebSocket(`ws://${await bridge({ server })}/v1/ws`, { WebSocket });
}

function refused(error) {
  console.error(`${command}: ${error.message}`);
  process.exit(1);
}

async function read(relay) {
  relay.on("closed", refused);
  for await (const item of await relay.join(room, { presence: false })) {
    if (item.type === "entry") console.log(item.text);
    else if (item.type === "lost") console.log(`lost after ${item.after}: ${item.reason}`);
    else refused(new Error(`left: ${item.reason}`));
  }
}

async function publish(relay) {
  const acks = [];
  relay.on("closed", (error) => error.code !== "closed" && refused(error));
  for await (const line of createInterface({ input: process.stdin })) {
    const ack = relay.publish(room, line);
    ack.catch(() => {}); // judged at the end
    acks.push(ack);
  }
  const refusals = (await Promise.allSettled(acks)).filter(({ status }) => status === "rejected");
  for (const { reason } of refusals) console.error(`pub: ${reason.message}`);
  await relay.close();
  process.exit(refusals.length > 0 ? 1 : 0);
}

const relay = await create();
relay.on("lost", ({ after, reason }) => command === "sub" && reason === "epoch" && console.error(`lost after ${after}: another epoch`));
await relay.open(0).catch(refused);
await (command === "sub" ? read(relay) : publish(relay));
