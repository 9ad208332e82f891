#!/usr/bin/env node
// Makes the picture of the chat page for the README: picture.mjs FILE.png [dark|light] [WIDTH HEIGHT]
import { connect } from "zrelay/zeromq";
import { Stage } from "./harness.mjs";

const [, , file, colours = "light", width = "1280", height = "800"] = process.argv;
const ends = [];
const stage = new Stage({ after: (end) => ends.unshift(end) });

const TALK = [
  ["mira", "Morning! The new sensors on the roof are up: `metrics/roof`, five a second."],
  ["mira", "Retention is a week, the rest goes to the archive."],
  ["jürgen", "Nice. I read along since midnight, and not one reading is missing."],
  ["tom", "How do you know? My old dashboard dropped some whenever the wifi did."],
  ["jürgen", "Every frame names the one before it. If one is lost you see it, and it is fetched again: https://example.org/zrelay"],
  ["tom", "So after a restart it just goes on?"],
  ["mira", "Yes. I killed the broker twice during lunch. Nobody noticed."],
  ["ann", "I did: the page said “Back, 12 messages recovered”."],
  ["tom", "@ann can you set the topic? Release is at four."],
  ["ann", "Done. Coffee first."],
];
const STATE = [["topic", "Release 1.4 at four o’clock"], ["build", "green"], ["on-call", "jürgen"], ["roof/°C", "21.4"]];
const OTHERS = ["build", "metrics/roof", "design", "coffee"];

async function talk(broker) {
  const people = {};
  for (const nick of ["mira", "jürgen", "tom", "yuki"]) {
    people[nick] = await connect(broker.server, { nick });
    await people[nick].join("lobby");
    for (const room of OTHERS) await people[nick].join(room);
  }
  const ann = await connect(broker.server, { nick: "ann" });
  await people.tom.publish("build", "The build is green again.");
  const lobby = await (await people.mira.join("lobby")).state();
  for (const [key, value] of STATE) await lobby.put(key, value);
  for (const [nick, text] of TALK) await (people[nick] ?? ann).publish("lobby", text);
  await ann.close();
  return people;
}

async function main() {
  const broker = await stage.broker();
  const { address } = await stage.gateway(broker);
  const people = await talk(broker);
  const browser = await stage.browser();
  const context = await browser.newContext({
    viewport: { width: Number(width), height: Number(height) }, deviceScaleFactor: 1, colorScheme: colours, timezoneId: "UTC", locale: "en-GB",
  });
  const page = await context.newPage();
  await page.addInitScript(() => localStorage.zrelay ??= JSON.stringify({ nick: "ann", rooms: ["lobby", "build", "design", "metrics/roof"], current: "lobby" }));
  await page.goto(address);
  await page.waitForSelector('#shared [data-key="topic"]', { state: "attached" });
  await page.waitForFunction(() => document.querySelectorAll("#people li").length === 5);
  await people.yuki.direct("ann", "Lunch at one?");
  for (const text of ["Deployed.", "ann: two tests to look at", "Thanks!"]) await people.tom.publish("build", text);
  await people.mira.publish("design", "New icons are up.");
  await page.waitForSelector("#rooms .badge.called", { state: "attached" });
  await page.waitForSelector("#directs .badge", { state: "attached" });
  await page.waitForFunction(() => document.querySelectorAll("#others li").length > 0 || document.querySelectorAll("#rooms li").length === 4);
  await page.screenshot({ path: file });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
}).finally(async () => {
  for (const end of ends) await end();
  process.exit();
});
