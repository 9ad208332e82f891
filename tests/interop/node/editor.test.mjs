// The example editor in Chromium: two browsers edit at once, one goes offline, both go on, and they converge.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stage, until } from "./harness.mjs";

/** A page whose connection the test can take away. */
async function edit(browser, address, nick) {
  const page = await (await browser.newContext()).newPage();
  const links = new Set();
  let offline = false;
  await page.routeWebSocket(/\/v1\/ws$/, (socket) => {
    if (offline) return void socket.close({ code: 1001 });
    socket.connectToServer();
    links.add(socket);
  });
  await page.goto(`${address}zrelay/yjs/example/?nick=${nick}#notes/today`);
  await page.waitForSelector("#text:not([disabled])");
  const goOffline = async () => {
    offline = true;
    for (const socket of links) await socket.close({ code: 1001 });
    links.clear();
    await page.waitForFunction(() => document.getElementById("state").textContent.startsWith("Offline"));
  };
  const goOnline = () => ((offline = false), page.waitForFunction(() => document.getElementById("state").textContent === "Connected"));
  return Object.assign(page, { goOffline, goOnline, text: () => page.inputValue("#text") });
}

async function type(page, text, atEnd = true) {
  await page.locator("#text").evaluate((input, end) => input.setSelectionRange(end ? input.value.length : 0, end ? input.value.length : 0), atEnd);
  await page.locator("#text").pressSequentially(text);
}

test("two browsers edit at once, go offline, come back and converge", async (t) => {
  const stage = new Stage(t);
  const { address } = await stage.gateway(await stage.broker(), { bridge: true }); // it serves modules, too
  const browser = await stage.browser();
  const [ann, bob] = [await edit(browser, address, "ann"), await edit(browser, address, "bob")];
  const agree = (look) => until(async () => (await ann.text()) === (await bob.text()) && look(await ann.text()),
    async () => JSON.stringify([await ann.text(), await bob.text()]));

  await Promise.all([type(ann, "first line from ann. ", false), type(bob, "bob writes as well. ")]);
  await agree((text) => text.length === 41);
  await ann.waitForFunction(() => /bob/.test(document.getElementById("people").textContent));

  await bob.goOffline();
  await Promise.all([type(ann, "ann goes on. ", false), type(bob, "bob is in a tunnel. ")]);
  assert.ok(!(await ann.text()).includes("tunnel"));
  await bob.goOnline();
  await agree((text) => text.includes("ann goes on. ") && text.endsWith("bob is in a tunnel. "));

  const late = await edit(browser, address, "late");
  assert.equal(await late.text(), await ann.text());
});
