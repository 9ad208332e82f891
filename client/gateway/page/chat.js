/** The chat page: it joins the client (zrelay/), what is known of the conversations, and the views. */
import { create } from "./zrelay/index.js";
import { Conversation } from "./conversation.js";
import { find } from "./dom.js";
import { harmless, hueOf, metaOf, plural } from "./format.js";
import { LogView } from "./log-view.js";
import { askName } from "./login-view.js";
import { load, save } from "./memory.js";
import { PanelView } from "./panel-view.js";
import { SideView } from "./side-view.js";
import { StatusView } from "./status-view.js";

const FIRST_ENTRIES = 50; // of a room, when it is joined
const PAGE_ENTRIES = 50; // more, while scrolling up
const ROOMS_EVERY = 10000; // milliseconds between two looks at the relay's rooms
const ROOMS_OFFERED = 100;
const DIRECTS_MAX = 100; // nicks whose direct messages are kept; the one that was quiet longest is forgotten
const NOTICE_TIME = 8000; // milliseconds that good news is shown
const STATE_TEXT = { connecting: "Connecting…", online: "Connected", offline: "Offline, trying again…", closed: "Signed out" };

const memory = load();
const conversations = new Map();
const rooms = new Map(); // conversation id: the joined room, and its live state
let relay = null;
let current = null;

const log = new LogView({ fetchOlder, reachedEnd });
const side = new SideView({ select, leave, join: (name) => join(name, true) });
const panel = new PanelView({
  write: (nick) => select(open("direct", nick).id),
  put: async (key, text, expect) => rooms.get(current.id).state.put(key, text, { expect }),
  remove: async (key, expect) => rooms.get(current.id).state.remove(key, { expect }),
});

const status = new StatusView({
  show: (meta) => relay.show(meta),
  keep: (shown) => save(Object.assign(memory, shown)),
});

const looking = (conversation) => conversation === current && document.visibilityState === "visible" && log.atEnd;

// Conversations

function open(kind, name) {
  const id = `${kind}:${name}`;
  if (!conversations.has(id)) conversations.set(id, new Conversation(kind, name, { read: memory.read[name] ?? 0 }));
  return conversations.get(id);
}

function select(id) {
  if (current) current.draft = find("composer-text").value;
  current = conversations.get(id);
  memory.current = current.kind === "room" ? current.name : memory.current;
  current.trim();
  current.readAll();
  log.show(current, relay.nick);
  find("title").textContent = (current.kind === "room" ? "# " : "@ ") + harmless(current.name);
  find("composer-text").value = current.draft;
  find("composer-text").placeholder = `Message ${current.kind === "room" ? "#" : "@"}${harmless(current.name)}`;
  showDrawers(false, false);
  refreshPanel();
  refreshSide();
  if (matchMedia("(pointer: fine)").matches) find("composer-text").focus();
}

function leave(id) {
  rooms.get(id)?.room.leave();
  rooms.delete(id);
  conversations.delete(id);
  remember();
  if (current?.id !== id) return refreshSide();
  const next = conversations.keys().next().value;
  if (next) select(next);
  else join("lobby", true);
}

async function join(name, show) {
  const conversation = open("room", name.normalize("NFC"));
  if (show) select(conversation.id);
  if (rooms.has(conversation.id)) return;
  const held = { room: null, state: null };
  rooms.set(conversation.id, held);
  try {
    await enter(conversation, held);
    remember();
  } catch (error) {
    rooms.delete(conversation.id);
    note(conversation, `This room cannot be joined: ${error.message}`, "bad");
  }
}

/** Entries come from the first moment on, so the listeners are there before the answer. */
async function enter(conversation, held) {
  const room = relay.room(conversation.name, { last: FIRST_ENTRIES });
  held.room = room;
  room.on("entry", (entry) => arrived(conversation, entry));
  room.on("presence", () => conversation === current && refreshPanel());
  room.on("lost", ({ reason }) => reason === "epoch" && conversation.anew());
  room.on("lost", ({ reason }) => note(conversation, reason === "epoch"
    ? "The relay began anew: messages that are not above are lost." : "Some messages are gone: the relay no longer keeps them.", "bad"));
  room.on("recovered", ({ entries }) => entries > 0 && note(conversation, `Back: ${plural(entries, "message")} recovered.`, "good"));
  room.on("left", ({ reason }) => {
    note(conversation, reason === "revoked" ? "You may not read this room any more." : `You are not in this room any more (${reason}).`, "bad");
    rooms.delete(conversation.id);
  });
  await room.entered();
  conversation.more = conversation.oldest > 1 && conversation.oldest !== Infinity;
  if (conversation === current) log.bounds(conversation);
  held.state = await room.state();
  held.state.on("change", () => conversation === current && refreshPanel());
  if (conversation === current) refreshPanel();
}

function arrived(conversation, entry) {
  const item = conversation.entry(entry, relay.nick, looking(conversation));
  if (conversation === current) log.add(item);
  trim(conversation);
  remember();
  refreshSide();
}

function trim(conversation) {
  const shown = conversation === current;
  if (!conversation.isLong(shown && !log.atEnd)) return;
  const gone = conversation.trim();
  if (!shown) return;
  log.forget(gone);
  log.bounds(conversation);
}

function note(conversation, text, tone) {
  const item = conversation.notice(text, tone);
  if (conversation === current) log.add(item);
}

async function fetchOlder() {
  const conversation = current;
  const room = rooms.get(conversation.id)?.room;
  if (!room) return;
  const slice = await room.history({ before: conversation.oldest, limit: PAGE_ENTRIES });
  const items = conversation.older({ entries: slice.entries, more: slice.entries.length > 0 && slice.entries[0].seq > 1 }, relay.nick);
  if (conversation !== current) return;
  log.prepend(items);
  log.bounds(conversation);
}

function reachedEnd() {
  if (!current || document.visibilityState !== "visible") return;
  current.readAll();
  remember();
  refreshSide();
}

/** Positions belong to the relay's epoch. */
function remember() {
  if (memory.epoch !== relay.epoch) memory.read = {};
  memory.epoch = relay.epoch;
  memory.rooms = [...conversations.values()].filter(({ kind }) => kind === "room").map(({ name }) => name);
  for (const { kind, name, read } of conversations.values()) if (kind === "room") memory.read[name] = read;
  clearTimeout(remember.timer);
  remember.timer = setTimeout(() => save(memory), 200); // many entries are one write
}

// What is shown beside the messages

let sidePending = false;

/** Many entries at once are one new list. */
function refreshSide() {
  if (sidePending) return;
  sidePending = true;
  requestAnimationFrame(() => {
    sidePending = false;
    const unread = side.show([...conversations.values()], current?.id);
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${current ? harmless(current.name) : "zrelay"} · zrelay`;
  });
}

function refreshPanel() {
  const held = rooms.get(current.id);
  panel.shared(held?.state ?? null);
  find("topic").textContent = harmless(held?.state?.get("topic")?.text ?? "");
  if (held?.room) panel.people(held.room.presence, relay.nick);
  else panel.nobody(current.kind === "direct" ? "Direct" : "Not joined");
}

async function offerRooms() {
  if (relay.status === "online" && document.visibilityState === "visible") {
    const { rooms: all } = await relay.list({ limit: ROOMS_OFFERED }).catch(() => ({ rooms: [] }));
    side.offer(all.filter(({ room }) => !conversations.has(`room:${room}`)));
  }
  setTimeout(offerRooms, ROOMS_EVERY);
}

// Writing

async function send(text) {
  const conversation = current;
  const waiting = log.pending(text);
  try {
    if (conversation.kind === "room") await relay.publish(conversation.name, text);
    else await sendDirect(conversation, text);
    waiting.sent();
  } catch (error) {
    const why = error.code === "no-such-user" ? `${harmless(conversation.name)} is not here now.` : error.message;
    waiting.failed(why, () => (select(conversation.id), send(text)));
  }
}

async function sendDirect(conversation, text) {
  await relay.direct(conversation.name, text);
  received(conversation, relay.nick, text, new Date());
}

/** The conversation with a nick, which moves behind the others. */
function heardFrom(nick) {
  const conversation = open("direct", nick);
  conversations.delete(conversation.id);
  conversations.set(conversation.id, conversation);
  const directs = [...conversations.values()].filter(({ kind }) => kind === "direct");
  const quiet = directs.find((each) => each !== current);
  if (directs.length > DIRECTS_MAX && quiet) conversations.delete(quiet.id);
  return conversation;
}

function received(conversation, sender, text, date) {
  const item = conversation.direct({ sender, text, date }, relay.nick, looking(conversation));
  if (conversation === current) log.add(item);
  trim(conversation);
  refreshSide();
}

function composer() {
  const input = find("composer-text");
  const submit = () => {
    const text = input.value.trim();
    if (!text || !current) return;
    input.value = "";
    send(text);
  };
  find("composer").addEventListener("submit", (event) => (event.preventDefault(), submit(), input.focus()));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
}

// The connection

let noticeTimer;

function say(text, tone, stays = false) {
  clearTimeout(noticeTimer);
  Object.assign(find("notice"), { textContent: text, className: `notice ${tone}` });
  if (!stays) noticeTimer = setTimeout(() => (find("notice").textContent = ""), NOTICE_TIME);
}

function showState(state) {
  Object.assign(find("state"), { textContent: STATE_TEXT[state] });
  find("state").dataset.state = state;
  if (state === "offline") say("The connection is lost. What you write is sent as soon as it is back.", "bad", true);
}

function listen() {
  relay.on("status", ({ state }) => showState(state));
  relay.on("recovered", ({ entries, lost }) => say(lost ? "Back, but the relay began anew: older messages are lost."
    : `Back, ${entries === 0 ? "nothing was missed" : `${plural(entries, "message")} recovered`}.`, lost ? "bad" : "good"));
  relay.on("direct", ({ from, text, time }) => received(heardFrom(from), from, text, new Date(time / 1000)));
  relay.on("problem", (error) => say(error.message, "bad"));
  relay.on("closed", (error) => error.code !== "closed" && say(`The relay ended this session: ${error.message}`, "bad", true));
}

async function signIn() {
  const asked = new URLSearchParams(location.search).get("nick");
  let answer = { nick: asked ?? memory.nick, token: "" };
  for (let fault = null; ; ) {
    if (!answer.nick || fault) answer = await askName(answer.nick, fault);
    const { nick, token } = answer;
    relay = create(new URL("v1/ws", location.href.replace(/^http/, "ws")), { nick, meta: metaOf(memory), ...(token ? { user: nick, token } : {}) });
    listen();
    try {
      await relay.open(0);
      memory.nick = nick;
      return;
    } catch (error) {
      fault = error;
    }
  }
}

// Drawers on narrow screens, keys, light and dark

function showDrawers(sidebar, people) {
  find("app").classList.toggle("show-sidebar", sidebar);
  find("app").classList.toggle("show-panel", people);
  find("open-panel").setAttribute("aria-expanded", String(people));
  find("shade").hidden = !sidebar && !people;
}

function furniture() {
  find("open-sidebar").addEventListener("click", () => showDrawers(true, false));
  find("open-panel").addEventListener("click", () => showDrawers(false, !find("app").classList.contains("show-panel")));
  for (const id of ["shade", "close-panel"]) find(id).addEventListener("click", () => showDrawers(false, false));
  find("sign-out").addEventListener("click", async () => {
    Object.assign(memory, { nick: "", status: "", away: false });
    save(memory);
    await relay.close({ patience: 1000 });
    location.replace(location.pathname);
  });
  find("theme").addEventListener("click", () => {
    const dark = memory.theme ? memory.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    memory.theme = document.documentElement.dataset.theme = dark ? "light" : "dark";
    save(memory);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") showDrawers(false, false);
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) step(event);
  });
}

/** To the conversation above or below. */
function step(event) {
  event.preventDefault();
  const ids = [...conversations.keys()];
  const at = ids.indexOf(current.id) + (event.key === "ArrowUp" ? -1 : 1);
  select(ids.at(at % ids.length));
}

async function main() {
  if (memory.theme) document.documentElement.dataset.theme = memory.theme;
  furniture();
  composer();
  await signIn();
  find("my-nick").textContent = relay.nick;
  find("my-avatar").className = `avatar hue-${hueOf(relay.nick)}`;
  find("my-avatar").textContent = [...relay.nick][0].toUpperCase();
  status.is(memory);
  if (memory.epoch !== relay.epoch) memory.read = {};
  const wanted = decodeURIComponent(location.hash.slice(1)) || memory.current;
  for (const name of new Set([...memory.rooms, wanted])) open("room", name);
  join(wanted, true);
  for (const { kind, name } of [...conversations.values()]) if (kind === "room" && name !== wanted) join(name, false);
  document.addEventListener("visibilitychange", () => log.atEnd && reachedEnd());
  addEventListener("online", () => relay.hurry());
  addEventListener("pagehide", () => (save(memory), relay.close({ patience: 1 })));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  offerRooms();
}

main();
