// One room, and everybody in it: the command line, curl, Python over ZeroMQ, the page, the plain WebSocket room, and the JavaScript client. What
// each of them writes at the same time arrives at all of them, in one order.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect } from "zrelay";
import { Stage, until } from "./harness.mjs";

const MESSAGES = 10; // of each writer
const PYTHON = "/usr/bin/python3"; // it has pyzmq
const { ZRELAY, ZRELAY_ROOT, ZRELAY_GATEWAY } = process.env;

/** The two programs that PROTOCOL.md begins with. */
async function pythonPrograms(folder) {
  const page = await readFile(`${ZRELAY_ROOT}/common/PROTOCOL.md`, "utf8");
  const [publish, read] = [...page.matchAll(/^```python\n(.*?)^```$/gms)].map(([, code]) => code);
  await writeFile(`${folder}/publish.py`, publish);
  await writeFile(`${folder}/read.py`, read);
  return { publish: `${folder}/publish.py`, read: `${folder}/read.py` };
}

const texts = (who) => Array.from({ length: MESSAGES }, (_, at) => `${who}-${at + 1}`);

async function openPage(browser, address) {
  const page = await browser.newPage();
  await page.goto(`${address}?nick=page#lobby`);
  await page.waitForSelector('#people [data-nick="page"]');
  return page;
}

async function writeOnPage(page) {
  for (const text of texts("page")) {
    await page.fill("#composer-text", text);
    await page.press("#composer-text", "Enter");
  }
}

async function writeWithCurl(stage, address) {
  for (const text of texts("curl")) await stage.start("curl", "-sSf", "-d", text, `${address}v1/rooms/lobby?nick=curl`).done();
}

/** The plain room: texts in, texts out. */
async function plainRoom(address) {
  const socket = new WebSocket(`${address.replace(/^http/, "ws")}v1/rooms/lobby/ws?nick=plain`);
  const heard = [];
  socket.on("message", (data) => heard.push(data.toString()));
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  return { socket, heard };
}

test("everybody hears everybody, in one order", { skip: !ZRELAY_GATEWAY && "it needs the gateway" }, async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const { address } = await stage.gateway(broker);
  const python = await pythonPrograms(await stage.folder());
  const page = await openPage(await stage.browser(), address);
  const relay = await connect(`${address.replace(/^http/, "ws")}v1/ws`, { nick: "js", WebSocket });
  t.after(() => relay.close({ patience: 100 }));
  const heard = [];
  (await relay.join("lobby")).on("entry", ({ text }) => heard.push(text));
  const plain = await plainRoom(address);
  t.after(() => plain.socket.terminate());
  const line = stage.start(ZRELAY, "-s", broker.server, "sub", "lobby");
  const stream = stage.start("curl", "-sN", `${address}v1/rooms/lobby/events`);
  const reader = stage.start(PYTHON, python.read, broker.server, "lobby");

  // Some readers begin with the next message. They are ready once they heard one; it is not counted.
  const programs = [() => line.text.trim().split("\n"), () => reader.text.trim().split("\n").map((each) => each.replace(/^\S+ /, "")),
    () => [...stream.text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data).body), () => plain.heard, () => heard,
    () => page.locator("#entries .message .body").allTextContents()];
  await until(async () => {
    await relay.publish("lobby", "ready?");
    return (await Promise.all(programs.map((read) => read()))).every((all) => all.includes("ready?"));
  }, "all hear a message");

  await Promise.all([
    ...texts("js").map((text) => relay.publish("lobby", text)),
    stage.start(PYTHON, python.publish, broker.server, "lobby", ...texts("python")).done(),
    ...[writeOnPage(page), writeWithCurl(stage, address)],
    stage.start("sh", "-c", `printf '%s\\n' ${texts("line").join(" ")} | "${ZRELAY}" -s ${broker.server} pub lobby`).done(),
    ...texts("plain").map((text) => plain.socket.send(text)),
  ]);
  const all = 6 * MESSAGES;
  const counted = async () => Promise.all(programs.map(async (read) => (await read()).filter((text) => text !== "ready?")));
  await until(async () => (await counted()).every((each) => each.length >= all), async () => `${all} messages each, not ${(await counted()).map((each) => each.length)}`);
  const [first, ...others] = await counted();
  assert.deepEqual([...first].sort(), ["curl", "js", "line", "page", "plain", "python"].flatMap(texts).sort());
  for (const other of others) assert.deepEqual(other, first);
});
