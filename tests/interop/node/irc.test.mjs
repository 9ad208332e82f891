// One room in weechat, irssi, the chat page in Chromium and two `zrelay chat`: people talk, change their names, send direct messages, and go
// on after two restarts of the broker.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { Stage, until } from "./harness.mjs";
import { Terminals } from "./terminal.mjs";

const { ZRELAY, ZRELAY_GATEWAY } = process.env;

/** The messages on a screen, as "nick: text". */
const MESSAGES = {
  weechat: /^\d\d:\d\d:\d\d +(\S+) │ (.*?) *$/gm,
  irssi: /^\d\d:\d\d <[ @+]?(\S+)> (.*?) *$/gm,
  chat: /^\d\d:\d\d ([^\s>*-]\S*): (.*?) *$/gm,
};
MESSAGES.other = MESSAGES.chat;

async function messages(terminal) {
  return [...(await terminal.screen()).matchAll(MESSAGES[terminal.name])].map(([, nick, text]) => `${nick}: ${text}`)
    .filter((message) => !/^(-->|<--|--):/.test(message));
}

async function openPage(browser, address, nick) {
  const page = await browser.newPage();
  await page.goto(`${address}?nick=${nick}#lobby`);
  await page.waitForSelector(`#people [data-nick="${nick}"]`);
  const texts = () => page.locator("#entries .message .body").allTextContents();
  return Object.assign(page, {
    name: "page",
    say: async (text) => {
      await page.fill("#composer-text", text);
      await page.press("#composer-text", "Enter");
    },
    shows: (pattern) => until(async () => (await texts()).some((text) => pattern.test(text)), async () => `${pattern} among ${await texts()}`),
    sees: (nick) => page.waitForSelector(`#people [data-nick="${nick}"]`),
    texts,
  });
}

/** Weechat begins to wait between messages after the first ones, unless it is told otherwise. */
async function openWeechat(terminals, folder, port) {
  const commands = ["/set irc.server_default.anti_flood_prio_high 0", "/set irc.server_default.anti_flood 0",
    "/set weechat.bar.buflist.hidden on", "/set weechat.bar.nicklist.hidden on", "/set weechat.look.prefix_suffix │",
    `/server add relay 127.0.0.1/${port} -nicks=wanda -autojoin=#lobby`, "/connect relay"];
  const weechat = await terminals.open("weechat", "weechat", "-d", `${folder}/weechat`, ...commands.flatMap((text) => ["-r", text]));
  await weechat.shows(/wanda.*has joined #lobby/);
  return weechat;
}

async function openIrssi(terminals, folder, port) {
  const irssi = await terminals.open("irssi", "irssi", `--home=${folder}/irssi`, "-c", "127.0.0.1", "-p", port, "-n", "ivan");
  await irssi.shows(/Welcome to zrelay/);
  await irssi.say("/join #lobby");
  await irssi.shows(/ivan .*has joined #lobby/);
  return irssi;
}

test("weechat, irssi, the page and the chat are in one room", { skip: !ZRELAY_GATEWAY && "it needs the gateway" }, async (t) => {
  const stage = new Stage(t);
  const folder = await stage.folder();
  let broker = await stage.broker("--data", `${folder}/log`);
  await writeFile(`${folder}/gateway.conf`, "irc\n    listen = 127.0.0.1:*\n");
  const gateway = await stage.gateway(broker, { config: `${folder}/gateway.conf` });
  const [, port] = await gateway.line(/irc on 127\.0\.0\.1:(\d+)/);
  const terminals = new Terminals(stage, folder);
  const page = await openPage(await stage.browser(), gateway.address, "pia");
  const weechat = await openWeechat(terminals, folder, port);
  const irssi = await openIrssi(terminals, folder, port);
  const chat = await terminals.open("chat", ZRELAY, "--server", broker.server, "--nick", "cleo", "chat", "lobby");
  const other = await terminals.open("other", ZRELAY, "--server", broker.server, "--nick", "cora", "chat", "lobby");
  const everyone = [weechat, irssi, chat, other, page];
  const said = [];

  /** One after the other, since irssi shows its own messages before they were sent. */
  async function saysToAll(person, nick, text) {
    await person.say(text);
    said.push(`${nick}: ${text}`);
    for (const one of everyone) await one.shows(new RegExp(text));
  }

  await t.test("they see each other", async () => {
    for (const one of [chat, other]) await one.shows(/you are in lobby/);
    for (const nick of ["wanda", "ivan", "cleo"]) await page.sees(nick);
    await weechat.shows(/cleo .*has joined #lobby/);
    await irssi.shows(/cleo .*has joined #lobby/);
  });

  await t.test("what each says comes to all", async () => {
    await saysToAll(weechat, "wanda", "hello from weechat");
    await saysToAll(irssi, "ivan", "hello from irssi");
    await saysToAll(chat, "cleo", "hello from the command line");
    await saysToAll(page, "pia", "hello from the page");
  });

  await t.test("new names are seen by all", async () => {
    await weechat.say("/nick willow");
    for (const one of [irssi, chat]) await one.shows(/wanda is now (known as )?willow/);
    await irssi.say("/nick igor");
    for (const one of [weechat, chat]) await one.shows(/ivan is now (known as )?igor/);
    await chat.say("/nick clio");
    for (const one of [weechat, irssi]) await one.shows(/cleo is now known as clio/);
    for (const nick of ["willow", "igor", "clio"]) await page.sees(nick);
    await saysToAll(weechat, "willow", "said under a new name");
  });

  await t.test("direct messages go to one person", async () => {
    await weechat.say("/msg clio psst clio");
    await chat.shows(/\*willow\* psst clio/);
    await chat.say("/msg igor psst igor");
    await irssi.say("/window 3"); // the conversation that it opens
    await irssi.shows(/<clio> psst igor/);
    await irssi.say("psst yourself");
    await chat.shows(/\*igor\* psst yourself/);
    await irssi.say("/window 2");
    await weechat.say("/msg pia psst pia");
    await page.waitForSelector("#directs .badge", { state: "attached" });
    assert.doesNotMatch(await irssi.screen(), /psst (clio|pia)/);
  });

  await t.test("a killed broker costs nothing", async () => {
    await broker.kill();
    await weechat.say("/buffer #lobby");
    await irssi.say("written while the broker was away");
    said.push("igor: written while the broker was away");
    broker = await stage.broker(...stage.parameters);
    for (const one of everyone) await one.shows(/written while the broker was away/);
    await saysToAll(chat, "clio", "after the restart");
    await saysToAll(page, "pia", "from the page again");
  });

  await t.test("the screens show the same", async () => {
    for (const terminal of [weechat, irssi, chat, other]) assert.deepEqual(await messages(terminal), said, terminal.name);
    assert.deepEqual(await page.texts(), said.map((message) => message.replace(/^\S+: /, "")));
  });

  await t.test("what all write while the broker is away comes once to each", async () => {
    await broker.kill();
    const people = { willow: weechat, igor: irssi, clio: chat, cora: other, pia: page }, lines = [];
    for (const [nick, person] of Object.entries(people)) {
      await person.say(`${nick} waits`);
      lines.push(`${nick}: ${nick} waits`);
    }
    await stage.broker(...stage.parameters);
    for (const person of everyone) for (const nick of Object.keys(people)) await person.shows(new RegExp(`${nick} waits`));
    await saysToAll(other, "cora", "all are back");
    const waits = (texts) => texts.filter((text) => / waits$/.test(text)).sort();
    for (const terminal of [weechat, irssi, chat, other]) assert.deepEqual(waits(await messages(terminal)), lines.sort(), terminal.name);
    assert.deepEqual(waits(await page.texts()), lines.map((line) => line.replace(/^\S+: /, "")).sort());
  });

  await t.test("a client that comes back reads what was said meanwhile", async () => {
    await irssi.say("/disconnect");
    await weechat.shows(/igor .*has quit|igor .*has left/);
    await weechat.say("said while irssi was away");
    await chat.shows(/said while irssi was away/);
    await irssi.say("/window 1");
    await irssi.say("/clear");
    await irssi.say(`/connect 127.0.0.1 ${port} "" igor`);
    await irssi.shows(/Welcome to zrelay/);
    await irssi.say("/join #lobby");
    await irssi.shows(/<.?willow> said while irssi was away/);
    await saysToAll(irssi, "igor", "back again");
  });
});
