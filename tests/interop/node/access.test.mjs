// Users and rights, as the JavaScript client and the chat page meet them: tokens, keys, private rooms, and rights that are taken away.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rename, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { curveKeyPair } from "zeromq";
import { connect, create } from "zrelay/zeromq";
import { Stage, until } from "./harness.mjs";

const { ZRELAYD, ZRELAY_GATEWAY } = process.env;
const ALL = 'allow = "all : *"';

/** A users file: name → lines of its section. */
class Users {
  constructor(folder) {
    this.file = `${folder}/users`;
  }

  async write(users) {
    const text = Object.entries(users).map(([name, lines]) => `user\n    name = ${name}\n${lines.map((line) => `    ${line}\n`).join("")}`).join("");
    await writeFile(`${this.file}.new`, text, { mode: 0o600 });
    await rename(`${this.file}.new`, this.file);
  }
}

const hash = (token) => `token = "${execFileSync(ZRELAYD, ["--hash-token"], { input: token }).toString().trim()}"`;

async function stageWith(t, users, config) {
  const stage = new Stage(t);
  const folder = await stage.folder();
  const file = new Users(folder);
  await file.write(users);
  await writeFile(`${folder}/zrelayd.conf`, config, { mode: 0o600 });
  const broker = await stage.broker("--config", `${folder}/zrelayd.conf`, "--users", file.file);
  return { stage, folder, file, broker };
}

test("a token lets in its user, and no other", async (t) => {
  const { broker } = await stageWith(t, { ann: [hash("secret word"), ALL] }, "auth\n    tokens = 1\n");
  const ann = await connect(broker.server, { user: "ann", token: "secret word" });
  t.after(() => ann.close({ patience: 100 }));
  assert.deepEqual([ann.user, ann.nick], ["ann", "ann"]);
  await ann.show({ status: "here" });
  assert.equal(ann.status, "online");
  await assert.rejects(connect(broker.server, { user: "ann", token: "a guess" }), { code: "login-failed" });
  await assert.rejects(connect(broker.server, { nick: "eve" }), { code: "login-required" });
});

test("rooms that not all may read come to those that may, until the right is taken", async (t) => {
  const users = { ann: [hash("a"), ALL], bob: [hash("b"), ALL], eve: [hash("e"), ALL, 'deny = "read : staff"'] };
  const { broker, file } = await stageWith(t, users, "auth\n    tokens = 1\n");
  const [ann, bob, eve] = await Promise.all(["ann", "bob", "eve"].map((user) => connect(broker.server, { user, token: user[0] })));
  for (const relay of [ann, bob, eve]) t.after(() => relay.close({ patience: 100 }));
  await assert.rejects(eve.join("staff"), { code: "forbidden" });
  await assert.rejects(eve.history("staff", { last: 5 }), { code: "forbidden" });
  const room = await bob.join("staff");
  await ann.publish("staff", "for us alone");
  assert.equal((await room.next()).value.text, "for us alone");

  await file.write({ ...users, bob: [...users.bob, 'deny = "read : staff"'] });
  broker.process.kill("SIGHUP");
  const { value } = await room.next();
  assert.deepEqual([value.type, value.reason], ["left", "revoked"]);
  assert.equal(bob.rooms.size, 0);

  await file.write({ ann: users.ann });
  const ended = new Promise((resolve) => bob.on("closed", resolve));
  broker.process.kill("SIGHUP");
  assert.equal((await ended).code, "revoked");
  assert.equal(bob.status, "closed");
});

test("over ZeroMQ the client encrypts with its keys", async (t) => {
  const stage = new Stage(t);
  const folder = await stage.folder();
  const told = execFileSync(ZRELAYD, ["--keygen", `${folder}/server`]).toString();
  const serverKey = told.match(/public key, (.{40})\n/)[1];
  const { publicKey, secretKey } = curveKeyPair();
  const users = new Users(folder);
  await users.write({ ann: [`key = "${publicKey}"`, ALL] });
  await writeFile(`${folder}/zrelayd.conf`, "auth\n    encrypt = all\n", { mode: 0o600 });
  const broker = await stage.broker("--config", `${folder}/zrelayd.conf`, "--users", users.file, "--server-key", `${folder}/server_secret`);
  const ann = await connect(broker.server, { curve: { serverKey, publicKey, secretKey } });
  t.after(() => ann.close({ patience: 100 }));
  assert.equal(ann.user, "ann");
  const room = await ann.join("lobby", { last: 10 });
  await room.publish("encrypted");
  assert.equal((await room.next()).value.text, "encrypted");
  const stranger = curveKeyPair();
  const refused = create(broker.server, { curve: { serverKey, ...stranger } });
  const why = new Promise((resolve) => refused.on("status", (status) => resolve(status.why)));
  const opened = assert.rejects(refused.open(0), { code: "closed" });
  assert.match(await why, /does not let in this client's key/);
  await refused.close();
  await opened;
});

test("presence shows what a user shows of itself, in all rooms or in one", async (t) => {
  const broker = await new Stage(t).broker();
  const [ann, bob] = [await connect(broker.server, { nick: "ann", meta: { status: "new" } }), await connect(broker.server, { nick: "bob" })];
  for (const relay of [ann, bob]) t.after(() => relay.close({ patience: 100 }));
  const rooms = [await ann.join("one"), await ann.join("other")];
  const seen = [await bob.join("one"), await bob.join("other")];
  const metas = () => seen.map(({ presence }) => presence.users.get("ann")?.meta);
  const show = async (promise, expected) => {
    await promise;
    await until(() => JSON.stringify(metas()) === JSON.stringify(expected), () => `${JSON.stringify(expected)}, not ${JSON.stringify(metas())}`);
  };
  await show(null, [{ status: "new" }, { status: "new" }]);
  await show(ann.show({ status: "away" }), [{ status: "away" }, { status: "away" }]);
  await show(rooms[0].show({ cursor: 7 }), [{ cursor: 7 }, { status: "away" }]);
  await show(ann.show({}), [{ cursor: 7 }, undefined]);
  await assert.rejects(ann.show({ status: "x".repeat(2000) }), { code: "bad-member" });
  assert.equal(ann.status, "online");
});

test("the page asks for the token, and says when it is wrong", { skip: !ZRELAY_GATEWAY && "it needs the gateway" }, async (t) => {
  const users = { ann: [hash("secret word"), ALL], gateway: [hash("of the gateway"), 'allow = "gateway : *"'] };
  const { stage, folder, broker } = await stageWith(t, users, "auth\n    tokens = 1\n");
  await writeFile(`${folder}/token`, "of the gateway\n", { mode: 0o600 });
  await writeFile(`${folder}/gateway.conf`, `broker\n    user = gateway\n    token-file = ${folder}/token\n`, { mode: 0o600 });
  const { address } = await stage.gateway(broker, { config: `${folder}/gateway.conf` });
  const page = await (await stage.browser()).newPage();
  await page.goto(address);
  await page.fill("#nick", "ann");
  await page.press("#nick", "Enter");
  await page.waitForFunction(() => /only people with a token/.test(document.getElementById("login-fault").textContent));
  await page.fill("#token", "a guess");
  await page.press("#token", "Enter");
  await page.waitForFunction(() => /does not know this name/.test(document.getElementById("login-fault").textContent));
  await until(async () => {
    if (await page.locator("#state[data-state=online]").count()) return true;
    if (!(await page.locator("#login[open]").count())) return false; // it waits for its turn after the failed login
    await page.fill("#token", "secret word");
    await page.press("#token", "Enter");
    return false;
  }, "the page is let in");
  assert.equal(await page.textContent("#my-nick"), "ann");
});
