// A stream processed in parallel: `node parallel.mjs work` takes mails of the room `mails`, ten at a time. Start it several times, and they share
// the mails. `node parallel.mjs send COUNT` publishes some. A mail whose worker fails or dies goes to another one.
import { connect } from "zrelay";

const [what = "work", count = "10"] = process.argv.slice(2);
const relay = await connect(process.env.ZRELAY_GATEWAY ?? "ws://127.0.0.1:5580/v1/ws");

async function sendMail(job) {
  await new Promise((resolve) => setTimeout(resolve, 100 * Math.random())); // stands for the work
  if (Math.random() < 0.1) throw new Error("the mail server is busy"); // so it is tried again, later
  console.log("sent", job.text, "at attempt", job.deliveries);
}

if (what === "send") {
  await Promise.all(Array.from({ length: Number(count) }, (_, number) => relay.publish("mails", `mail ${number}`)));
  await relay.close();
} else {
  console.log("working");
  await relay.process("mails", "senders", sendMail, { concurrency: 10, dead: "mails/dead", backoff: 100 });
}
