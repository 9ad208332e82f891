// The chat page in Chromium, against a real broker.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { connect } from "zrelay/zeromq";
import { Stage, until } from "./harness.mjs";

const bodies = (page) => page.locator("#entries .message .body").allTextContents();

async function enter(browser, address, nick, room = "lobby") {
  const context = await browser.newContext(); // a browser of its own: nothing is shared
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(`${address}?nick=${nick}#${room}`);
  await page.waitForSelector("#state[data-state=online]");
  await page.waitForSelector(`#people [data-nick="${nick}"]`);
  return Object.assign(page, { faults });
}

async function say(page, text) {
  await page.fill("#composer-text", text);
  await page.press("#composer-text", "Enter");
}

const shows = (page, expected) => until(async () => JSON.stringify(await bodies(page)) === JSON.stringify(expected),
  async () => `${JSON.stringify(expected)}, but there is ${JSON.stringify(await bodies(page))}`);

test("two pages chat, and a broker that is killed costs nothing", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker("--data", await stage.folder());
  const { address } = await stage.gateway(broker);
  const browser = await stage.browser();
  const [ann, bob] = [await enter(browser, address, "ann"), await enter(browser, address, "bob")];
  await ann.waitForSelector('#people [data-nick="bob"]');

  await say(ann, "hello bob");
  await shows(bob, ["hello bob"]);
  await say(bob, "hello ann");
  await shows(ann, ["hello bob", "hello ann"]);
  assert.equal(await ann.locator(".message.called").count(), 1, "a message that names the reader stands out");

  await broker.kill();
  await ann.waitForSelector("#state:not([data-state=online])");
  await say(ann, "written while the broker was away");
  await ann.waitForSelector("#pending .late");
  await stage.broker(...stage.parameters);
  const all = ["hello bob", "hello ann", "written while the broker was away"];
  await Promise.all([shows(ann, all), shows(bob, all)]);
  for (const page of [ann, bob]) await page.waitForFunction(() => /^Back, /.test(document.getElementById("notice").textContent));
  await say(bob, "we are back");
  await Promise.all([shows(ann, [...all, "we are back"]), shows(bob, [...all, "we are back"])]);
  assert.equal(await ann.locator("#pending > *").count(), 0);
  assert.deepEqual(ann.faults.filter((text) => !text.includes("WebSocket")), []);
});

test("a gateway that is killed costs nothing either", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker("--data", await stage.folder());
  const gateway = await stage.gateway(broker);
  const browser = await stage.browser();
  const [ann, bob] = [await enter(browser, gateway.address, "ann"), await enter(browser, gateway.address, "bob")];
  await say(ann, "before");
  await shows(bob, ["before"]);
  await gateway.kill();
  for (const page of [ann, bob]) await page.waitForSelector("#state[data-state=offline]");
  await say(ann, "from ann");
  await say(bob, "from bob");
  await stage.gateway(broker, { listen: gateway.listen });
  for (const page of [ann, bob]) await page.waitForSelector("#state[data-state=online]");
  await until(async () => (await bodies(ann)).length === 3 && (await bodies(bob)).length === 3, "three messages");
  assert.deepEqual(await bodies(ann), await bodies(bob));
  assert.deepEqual((await bodies(ann)).sort(), ["before", "from ann", "from bob"]);
  assert.match(await ann.textContent("#notice"), /^Back, /);
});

test("a broker that lost its log is told of", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const { address } = await stage.gateway(broker);
  const ann = await enter(await stage.browser(), address, "ann");
  await say(ann, "before");
  await shows(ann, ["before"]);
  await stage.restart(broker);
  await ann.waitForSelector(".line.bad");
  assert.match(await ann.textContent(".line.bad"), /began anew/);
  await say(ann, "after");
  await shows(ann, ["before", "after"]);
});

test("unread counts, direct messages, history and shared state", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const { address } = await stage.gateway(broker);
  const browser = await stage.browser();
  const ann = await enter(browser, address, "ann");
  const relay = await connect(broker.server, { nick: "carl" });
  t.after(() => relay.close());
  for (let number = 1; number <= 120; number++) relay.publish("lobby", `line ${number}`);
  await until(async () => (await bodies(ann)).length === 120, "120 lines");
  const bob = await enter(browser, address, "bob");
  await until(async () => (await bodies(bob)).length === 50, async () => `50 lines, not ${(await bodies(bob)).length}`);
  await bob.locator("#log").evaluate((log) => (log.scrollTop = 0));
  await until(async () => (await bodies(bob)).length >= 100, "older lines while scrolling up");
  await until(async () => {
    await bob.locator("#log").evaluate((log) => (log.scrollTop = 0));
    return (await bodies(bob)).length === 120;
  }, "all lines");
  assert.deepEqual(await bodies(bob), Array.from({ length: 120 }, (_, at) => `line ${at + 1}`));

  await bob.fill("#join-room", "tea");
  await bob.press("#join-room", "Enter");
  await bob.waitForFunction(() => document.getElementById("title").textContent === "# tea");
  await say(ann, "are you there, bob?");
  await bob.waitForSelector("#rooms .badge.called");
  assert.equal(await bob.textContent("#rooms .badge"), "1");
  await bob.press("#composer-text", "Alt+ArrowUp");
  await bob.waitForFunction(() => document.getElementById("title").textContent === "# lobby");
  assert.equal(await bob.locator("#rooms .badge").count(), 0);

  await ann.click('#people [data-nick="bob"] button');
  await say(ann, "psst <b>bold</b>");
  await bob.waitForSelector("#directs .badge");
  await bob.click("#directs .open");
  await shows(bob, ["psst <b>bold</b>"]);
  assert.equal(await bob.locator("#entries b").count(), 0, "text is no markup");

  await bob.click("#rooms .open");
  await bob.fill("#set-key", "topic");
  await bob.fill("#set-value", "tea at four");
  await bob.press("#set-value", "Enter");
  await ann.click("#rooms .open");
  await ann.waitForFunction(() => document.getElementById("topic").textContent === "tea at four");
  await ann.click('#shared [data-key="topic"] .value'); // both edit; the second one is told
  await bob.click('#shared [data-key="topic"] .value');
  await bob.fill('#shared .editing input', "tea at five");
  await bob.press("#shared .editing input", "Enter");
  await bob.waitForFunction(() => document.getElementById("topic").textContent === "tea at five");
  await ann.waitForFunction(() => document.getElementById("topic").textContent === "tea at five");
  await ann.fill("#shared .editing input", "tea at six");
  await ann.press("#shared .editing input", "Enter");
  await ann.waitForFunction(() => document.getElementById("set-fault").textContent.startsWith("Somebody changed it"));
  assert.equal(await ann.textContent('#shared [data-key="topic"] .value'), "tea at five");
});

test("people show what they do, and it outlives a reload and the broker", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const { address } = await stage.gateway(broker);
  const browser = await stage.browser();
  const [ann, bob] = [await enter(browser, address, "ann"), await enter(browser, address, "bob")];
  const shown = (page, nick, text) => page.waitForFunction(([who, words]) =>
    (document.querySelector(`#people [data-nick="${who}"] .shows`)?.textContent ?? "") === words, [nick, text]);
  await ann.waitForSelector('#people [data-nick="bob"]');
  await bob.click("#open-status");
  await bob.fill("#status-text", "reading <b>\u202e");
  await bob.press("#status-text", "Enter");
  await shown(ann, "bob", "reading <b>⟨202e⟩");
  assert.equal(await bob.textContent("#my-status"), "reading <b>⟨202e⟩");
  await bob.click("#open-status");
  await bob.fill("#status-text", "at lunch");
  await bob.check("#status-away");
  await bob.click("#status-form button");
  await shown(ann, "bob", "away: at lunch");
  assert.equal(await ann.locator('#people [data-nick="bob"] .person.away').count(), 1);
  await bob.reload();
  await bob.waitForSelector("#state[data-state=online]");
  await shown(ann, "bob", "away: at lunch");
  await broker.kill();
  await stage.broker(...stage.parameters);
  await shown(ann, "bob", "away: at lunch");
  const cy = await enter(browser, address, "cy");
  await shown(cy, "bob", "away: at lunch");
  await bob.click("#open-status");
  await bob.fill("#status-text", "");
  await bob.uncheck("#status-away");
  await bob.press("#status-text", "Enter");
  await shown(ann, "bob", "");
  assert.deepEqual(ann.faults.filter((text) => !text.includes("WebSocket")), []);
});

test("a phone reaches rooms and people by drawers, and a taken name is told of", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const { address } = await stage.gateway(broker);
  const browser = await stage.browser();
  await enter(browser, address, "ann");
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true });
  const phone = await context.newPage();
  await phone.goto(address);
  await phone.fill("#nick", "ann");
  await phone.press("#nick", "Enter");
  await phone.waitForFunction(() => /somebody else/i.test(document.getElementById("login-fault").textContent));
  await phone.fill("#nick", "eve");
  await phone.press("#nick", "Enter");
  await phone.waitForSelector("#state[data-state=online]", { state: "attached" });
  await until(() => phone.locator("#sidebar").isHidden(), "the rooms are away");
  await phone.click("#open-sidebar");
  await until(() => phone.locator("#rooms .open").first().isVisible(), "the rooms");
  await phone.keyboard.press("Escape");
  await phone.click("#open-panel");
  await until(() => phone.locator('#people [data-nick="ann"]').isVisible(), "the people");
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, "nothing is wider than the phone");
});

test("axe finds no fault for people that see little or use a keyboard", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const { address } = await stage.gateway(broker);
  const browser = await stage.browser();
  const bob = await enter(browser, address, "bob");
  for (const text of ["a link: https://example.org/ and `code`", "ann, look"]) await say(bob, text);
  await bob.fill("#set-key", "topic");
  await bob.fill("#set-value", "tea");
  await bob.press("#set-value", "Enter");
  const axe = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
  for (const [number, options] of [{ colorScheme: "light" }, { colorScheme: "dark" }, { colorScheme: "light", viewport: { width: 390, height: 844 } }].entries()) {
    const page = await (await browser.newContext({ ...options, bypassCSP: true })).newPage();
    const judge = async () => {
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)]), [], JSON.stringify(options));
    };
    await page.goto(address);
    await page.addScriptTag({ content: axe });
    await page.waitForSelector("#login[open]");
    await judge();
    await page.fill("#nick", `ann${number}`);
    await page.press("#nick", "Enter");
    await until(async () => (await bodies(page)).length === 2, "the messages");
    await bob.click(`#people [data-nick="ann${number}"] button`);
    await say(bob, "psst");
    await page.waitForSelector("#directs .badge", { state: "attached" });
    await bob.click("#rooms .open");
    await page.waitForSelector('#shared [data-key="topic"]', { state: "attached" });
    await page.evaluate(() => document.getElementById("open-status").click());
    await judge();
  }
});

test("the README's lines for a browser work", { skip: !process.env.ZRELAY_GATEWAY && "the bridge has no JSON" }, async (t) => {
  const readme = await readFile(`${process.env.ZRELAY_ROOT}/README.md`, "utf8");
  const [, lines] = readme.match(/Without any library of ours, on a page.*?```js\n(.*?)```/s);
  const stage = new Stage(t);
  const broker = await stage.broker();
  const { address, listen } = await stage.gateway(broker);
  const page = await (await stage.browser()).newPage({ bypassCSP: true }); // as the console does
  const told = [];
  page.on("console", (message) => told.push(message.text()));
  await page.goto(address);
  await page.addScriptTag({ content: lines.replace("127.0.0.1:5580", listen) });
  await until(() => told.some((text) => text.includes('"joined"')), () => `that it joined: ${told}`);
  await page.addScriptTag({ content: 'say({ op: "publish", room: "lobby", text: "hello from a browser" });' });
  await until(() => told.some((text) => text.includes('"entries"') && text.includes("hello from a browser")), () => `its message: ${told}`);
});

test("thousands of messages keep the page short, and older ones are fetched again", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const { address } = await stage.gateway(broker);
  const ann = await enter(await stage.browser(), address, "ann");
  const relay = await connect(broker.server, { nick: "bob" });
  t.after(() => relay.close());
  const count = 3000;
  await Promise.all(Array.from({ length: count }, (_, at) => relay.publish("lobby", `line ${at + 1}`)));
  await until(async () => (await bodies(ann)).at(-1) === `line ${count}`, "the last line");
  const numbers = async () => (await bodies(ann)).map((text) => Number(text.split(" ")[1]));
  const here = await numbers();
  assert.ok(here.length <= 1200, `${here.length} lines`);
  assert.ok(here.every((number, at) => number === count - here.length + 1 + at));
  await until(async () => {
    await ann.locator("#log").evaluate((log) => (log.scrollTop = 0));
    return (await numbers()).length > here.length;
  }, "older lines");
  const more = await numbers();
  assert.ok(more.every((number, at) => number === more[0] + at));
});

test("direct messages of a hundred nicks are kept, and those of one more take the place of the quietest", async (t) => {
  const stage = new Stage(t);
  const broker = await stage.broker();
  const { address } = await stage.gateway(broker);
  const ann = await enter(await stage.browser(), address, "ann");
  const write = async (number) => {
    const relay = await connect(broker.server, { nick: `n${number}` });
    await relay.direct("ann", "psst");
    await relay.close();
  };
  const names = () => ann.locator("#directs .name").allTextContents();
  await write(0);
  for (let number = 1; number < 100; number += 11) await Promise.all(Array.from({ length: 11 }, (_, at) => write(number + at)));
  await until(async () => (await names()).length === 100, async () => `100 names, not ${(await names()).length}`);
  assert.ok((await names()).includes("n0"));
  await write(100);
  await until(async () => (await names()).includes("n100"), "the newest one");
  assert.deepEqual([(await names()).length, (await names()).includes("n0")], [100, false]);
});
