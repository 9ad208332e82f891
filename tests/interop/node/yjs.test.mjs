// Documents of Yjs over a real broker: clients edit at once, go offline, come back, and converge.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { ZrelayProvider } from "zrelay/yjs";
import { connect, create } from "zrelay/zeromq";
import { Stage, until } from "./harness.mjs";

const ROOM = "notes";
const FAST = { snapshotWait: 50 };
const text = ({ doc }) => doc.getText("text").toString();

async function editor(t, broker, nick, { doc = new Y.Doc(), awareness, ...options } = {}) {
  const relay = await connect(broker.server, { nick });
  t.after(() => relay.close({ patience: 100 }));
  const provider = new ZrelayProvider(relay, ROOM, doc, { ...FAST, awareness, ...options });
  const problems = [];
  provider.on("problem", (error) => problems.push(error));
  t.after(() => provider.destroy());
  await provider.whenSynced;
  return { doc, relay, provider, problems };
}

const agree = (editors, look = () => true) => until(() => editors.every((each) => text(each) === text(editors[0])) && look(text(editors[0])),
  () => `the same text, but there are ${JSON.stringify(editors.map(text))}`);

test("two clients that write at once converge", async (t) => {
  const broker = await new Stage(t).broker();
  const [ann, bob] = [await editor(t, broker, "ann"), await editor(t, broker, "bob")];
  for (let number = 0; number < 100; number++) {
    ann.doc.getText("text").insert(0, "a");
    bob.doc.getText("text").insert(text(bob).length, "b");
  }
  await agree([ann, bob], (found) => found.length === 200);
  assert.deepEqual([...ann.problems, ...bob.problems], []);
});

test("what is written while the broker is away is there afterwards", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker("--data", await stage.folder());
  const [ann, bob] = [await editor(t, broker, "ann"), await editor(t, broker, "bob")];
  ann.doc.getText("text").insert(0, "together ");
  await agree([ann, bob], (found) => found === "together ");
  await broker.kill();
  await until(() => ann.relay.status === "offline" && bob.relay.status === "offline", "both notice");
  ann.doc.getText("text").insert(0, "ann was here. ");
  bob.doc.getText("text").insert(text(bob).length, "bob was here too. ");
  bob.doc.getText("text").delete(0, 3);
  await stage.broker(...stage.parameters);
  await agree([ann, bob], (found) => found.includes("ann was here") && found.includes("bob was here too") && !found.includes("together"));
});

test("a late client loads a snapshot and the few updates after it", async (t) => {
  const broker = await new Stage(t).broker();
  const ann = await editor(t, broker, "ann", { snapshotEvery: 50, gather: 0 });
  for (let number = 0; number < 120; number++) {
    const { after } = ann.relay.rooms.get(ROOM).position;
    ann.doc.getText("text").insert(text(ann).length, `${number} `);
    await until(() => ann.relay.rooms.get(ROOM).position.after > after, "the update in the room");
  }
  await until(async () => (await ann.relay.snapshot(ROOM)).entries.has("snapshot"), "a snapshot");
  const { entries } = await ann.relay.snapshot(ROOM);
  const { base, id } = JSON.parse(entries.get("snapshot").text);
  assert.deepEqual([...entries.keys()].sort(), ["snapshot", `snapshot/${id}/0`], "older parts are removed");
  assert.ok(base >= 50);
  const late = await editor(t, broker, "late");
  assert.equal(text(late), text(ann), "all is there once it is synced");
  const { entries: after } = await late.relay.history(ROOM, { after: base });
  assert.ok(after.filter(({ key }) => key === undefined).length < 80, "few updates are left after the snapshot");
});

test("of two clients that write a snapshot at once, one wins and nothing is left over", async (t) => {
  const broker = await new Stage(t).broker();
  const [ann, bob] = [await editor(t, broker, "ann"), await editor(t, broker, "bob")];
  ann.doc.getText("text").insert(0, "something");
  await agree([ann, bob], (found) => found === "something");
  await until(() => ann.relay.unanswered === 0, "the ack");
  const won = await Promise.all([ann.provider.snapshot(), bob.provider.snapshot()]);
  assert.equal(won.filter(Boolean).length, 1);
  assert.equal((await ann.relay.snapshot(ROOM)).entries.size, 2);
});

test("an update and a snapshot larger than a frame travel in parts", async (t) => {
  const stage = new Stage(t);
  const config = `${await stage.folder()}/zrelayd.conf`;
  await (await import("node:fs/promises")).writeFile(config, "limits\n    max-frame = 20000\n", { mode: 0o600 });
  const broker = await stage.broker("--config", config);
  const ann = await editor(t, broker, "ann");
  const long = Array.from({ length: 20000 }, (_, at) => String(at)).join(" ");
  ann.doc.getText("text").insert(0, long);
  const bob = await editor(t, broker, "bob");
  await agree([ann, bob], (found) => found === long);
  assert.equal(await ann.provider.snapshot(), true);
  assert.ok((await ann.relay.snapshot(ROOM)).entries.size > 3);
  const late = await editor(t, broker, "late");
  assert.equal(text(late), long);
  assert.deepEqual([...ann.problems, ...bob.problems, ...late.problems], []);
});

test("a relay that lost its log gets the document back, and so does a client that missed something", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const [ann, bob] = [await editor(t, broker, "ann"), await editor(t, broker, "bob")];
  ann.doc.getText("text").insert(0, "kept by the clients");
  await agree([ann, bob], (found) => found.length > 0);
  const again = await stage.restart(broker);
  await until(() => ann.relay.epoch === again.epoch && bob.relay.epoch === again.epoch, "another epoch");
  await until(async () => {
    const late = await editor(t, again, `late-${Math.random().toString(16).slice(2, 8)}`);
    return text(late) === "kept by the clients";
  }, "the document in the new log");
});

test("a document that was written before it is connected is published", async (t) => {
  const broker = await new Stage(t).broker();
  const ann = await editor(t, broker, "ann");
  ann.doc.getText("text").insert(0, "shared");
  await until(() => ann.relay.unanswered === 0 && text(ann), "the ack");
  const doc = new Y.Doc();
  doc.getText("text").insert(0, "[my notes]");
  const bob = await editor(t, broker, "bob", { doc });
  await agree([ann, bob], (found) => found.includes("[my notes]") && found.includes("shared"));
});

test("awareness comes, changes and goes with its client", async (t) => {
  const broker = await new Stage(t).broker();
  const docs = [new Y.Doc(), new Y.Doc()];
  const [one, other] = docs.map((doc) => new Awareness(doc));
  t.after(() => (one.destroy(), other.destroy()));
  one.setLocalState({ name: "ann" });
  const ann = await editor(t, broker, "ann", { doc: docs[0], awareness: one });
  const bob = await editor(t, broker, "bob", { doc: docs[1], awareness: other });
  other.setLocalState({ name: "bob" });
  const names = (awareness) => [...awareness.getStates().values()].map(({ name }) => name).sort().join();
  await until(() => names(one) === "ann,bob" && names(other) === "ann,bob", () => `both names, but ${names(one)} and ${names(other)}`);
  one.setLocalStateField("at", 7);
  await until(() => other.getStates().get(docs[0].clientID)?.at === 7, "the cursor");
  await bob.relay.close({ patience: 2000 }); // it says nothing about its awareness; presence does
  await until(() => names(one) === "ann", () => `that bob is gone, but ${names(one)}`);
  assert.deepEqual(ann.problems, []);
});

test("a body that no Yjs wrote is told of and harms nothing", async (t) => {
  const broker = await new Stage(t).broker();
  const ann = await editor(t, broker, "ann");
  const stranger = await create(broker.server, { nick: "eve" }).open();
  t.after(() => stranger.close());
  for (const body of ["", "\x00nonsense", "\x01short", "\x07unknown", new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 2, 1])]) await stranger.publish(ROOM, body);
  ann.doc.getText("text").insert(0, "still here");
  const bob = await editor(t, broker, "bob");
  await agree([ann, bob], (found) => found === "still here");
});
