/** A text that several people edit at once: a textarea bound to a Y.Text. The address names the user and the text: editor?nick=ann#notes/monday */
import * as Y from "yjs";
import { Awareness } from "y-protocols/awareness";
import { create } from "zrelay";
import { ZrelayProvider } from "zrelay/yjs";
import { bind } from "./bind.js";

const parameters = new URLSearchParams(location.search);
const room = decodeURIComponent(location.hash.slice(1)) || "notes/first";
const nick = parameters.get("nick") ?? `guest-${Math.floor(Math.random() * 10000)}`;
const STATE_TEXT = { online: "Connected", offline: "Offline: you can go on writing", closed: "The relay ended this session" };

const doc = new Y.Doc();
const awareness = new Awareness(doc);
const input = document.getElementById("text");
const state = document.getElementById("state");

awareness.on("change", () => {
  const people = [...awareness.getStates().values()].filter(({ name }) => typeof name === "string");
  document.getElementById("people").replaceChildren(...people.map(({ name, at }) => {
    const item = document.createElement("li");
    item.textContent = Number.isInteger(at) ? `${name} at ${at}` : name;
    return item;
  }));
});

document.getElementById("title").textContent = room;
bind(input, doc.getText("text"), (at) => awareness.setLocalStateField("at", at));
awareness.setLocalState({ name: nick });

const relay = create(new URL("/v1/ws", location.href.replace(/^http/, "ws")), { nick });
relay.on("status", (status) => (state.textContent = STATE_TEXT[status.state] ?? "Connecting…"));
addEventListener("online", () => relay.hurry());
await relay.open(0);
const provider = new ZrelayProvider(relay, room, doc, { awareness });
provider.on("problem", (error) => (state.textContent = error.message));
await provider.whenSynced;
input.disabled = false;
input.focus();
addEventListener("pagehide", () => (provider.destroy(), relay.close({ patience: 1 })));
