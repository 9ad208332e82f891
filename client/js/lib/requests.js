/** Requests and answers: PROTOCOL.md, "Requests and answers". */
import { ZrelayError } from "./error.js";
import { roomName } from "./wire.js";

const PATIENCE = 10000; // milliseconds until a request gives up, by default
const WAITING_MAX = 10000; // answers and requests that wait; beyond it further ones are dropped

/** Sends a request; gives what its answers name. */
async function asked(edge, send, text, { to, room }) {
  if (to !== undefined) {
    const ask = edge.id();
    await send("direct", { to, text, ask });
    return ask;
  }
  const name = roomName(room);
  const { seq } = await send("publish", { room: name, text });
  if (!seq) throw new ZrelayError("forbidden", "this user may not read the room, and so gets no answer", { room: name });
  return `${name} ${seq}`;
}

/** The answers to a request, as they come, until `timeout` milliseconds are over. `send(op, members)` asks the broker. */
export async function* answers(relay, edge, send, text, { to, room, timeout = PATIENCE } = {}) {
  if ((to === undefined) === (room === undefined)) throw new ZrelayError("bad-argument", "give either `to` or `room`");
  const inbox = [];
  const early = []; // answers that came before it was known what they name
  let wake = () => {};
  let ask;
  const put = (item) => (inbox.push(item), wake());
  const offs = [
    relay.on("direct", (m) => m.answer !== undefined && inbox.length < WAITING_MAX && put({ m })),
    relay.on("closed", (error) => put({ error })),
    edge.after(timeout, () => put({ over: true })),
  ];
  asked(edge, send, text, { to, room }).then((value) => put({ value }), (error) => put({ error }));
  try {
    for (;;) {
      if (inbox.length === 0) await new Promise((resolve) => (wake = resolve));
      const { m, value, error, over } = inbox.shift();
      if (over) return;
      if (error) throw error;
      if (value !== undefined) {
        ask = value;
        inbox.unshift(...early.splice(0));
      } else if (ask === undefined) {
        early.push({ m });
      } else if (m.answer === ask) {
        if (m.failed) throw new ZrelayError("failed", m.text, { room });
        yield m;
      }
    }
  } finally {
    for (const off of offs) off();
  }
}

/** The first answer. */
export async function request(relay, edge, send, text, options = {}) {
  for await (const answer of answers(relay, edge, send, text, options)) return answer;
  throw new ZrelayError("timed-out", `no answer came within ${options.timeout ?? PATIENCE} ms`, { room: options.room });
}

/** `asked` is a direct message with `ask`, or an entry of a room. */
export function answer(send, asked, text, { failed } = {}) {
  const entry = asked.type === "entry";
  if (!entry && asked.ask === undefined) return Promise.reject(new ZrelayError("bad-argument", "this message does not want an answer"));
  const members = { to: entry ? asked.sender : asked.from, text, answer: entry ? `${asked.room} ${asked.seq}` : asked.ask };
  return send("direct", failed ? { ...members, failed: true } : members);
}

async function serveOne(relay, asked, handler) {
  let text;
  let failed = false;
  try {
    text = String(await handler(asked));
  } catch (error) {
    text = String(error?.message ?? error);
    failed = true;
    relay.emit("problem", error);
  }
  await relay.answer(asked, text, { failed }).catch(() => {}); // such as no-such-user: nobody waits for it any more
}

/** Answers requests, `concurrency` at a time, until `signal` aborts or the relay ends. */
export async function serve(relay, handler, { room, group, concurrency = 10, signal, ...options } = {}) {
  if (group !== undefined && room === undefined) throw new ZrelayError("bad-argument", "`group` goes with `room`");
  if (group !== undefined) return relay.process(room, group, (job) => serveOne(relay, job.entry, handler), { concurrency, signal, ...options });
  const waiting = [];
  let running = 0;
  const next = () => {
    while (running < concurrency && waiting.length > 0) {
      running++;
      serveOne(relay, waiting.shift(), handler).finally(() => (running--, next()));
    }
  };
  const take = (asked) => waiting.length < WAITING_MAX && (waiting.push(asked), next());
  const joined = room === undefined ? null : await relay.join(room, { presence: false });
  const off = joined ? joined.on("entry", (entry) => !entry.deleted && take(entry)) : relay.on("direct", (m) => m.ask !== undefined && take(m));
  await new Promise((resolve) => {
    if (signal?.aborted || relay.status === "closed") resolve();
    signal?.addEventListener("abort", resolve, { once: true });
    relay.once("closed", resolve);
  });
  off();
}
