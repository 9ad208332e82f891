#!/usr/bin/env node
// A small stand-in for the gateway: each WebSocket has a DEALER and a SUB of its own, and the chat page is served beside them.
// bridge.mjs --server tcp://127.0.0.1:5570 --page FOLDER [--listen 127.0.0.1:*] prints the address that it listens on.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { zeromqLinks } from "zrelay/zeromq";

const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const folders = { modules }; // what does not belong to the page
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async function serve(page, request, response) {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname)).replace(/\/$/, "/index.html");
  const [, first, ...rest] = path.split("/");
  const file = folders[first] ? join(folders[first], ...rest) : join(page, path);
  try {
    const found = extname(file) ? file : `${file}.js`; // as bundlers find modules
    const content = await readFile(found);
    const headers = { "Content-Type": types[extname(found)] ?? "application/octet-stream", "X-Content-Type-Options": "nosniff" };
    response.writeHead(200, path.startsWith("/zrelay/yjs/example/") ? headers : { ...headers, "Content-Security-Policy": policy });
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
}

/** Gives the address once it listens. `listen` is ADDRESS:PORT, `*` for a free port. */
export function bridge({ server: broker, page, listen = "127.0.0.1:*" }) {
  const server = createServer((request, response) => serve(page, request, response));
  const links = zeromqLinks(broker);
  new WebSocketServer({ server, path: "/v1/ws", handleProtocols: () => "zrelay.v1" }).on("connection", (socket) => {
    const link = links({ opened() {}, frame: (data) => socket.readyState === 1 && socket.send(data), closed: () => socket.close(1011) });
    socket.on("message", (data, binary) => link.send(binary ? data : data.toString()));
    socket.on("close", () => link.close());
    socket.on("error", () => link.close());
  });
  const [host, port] = listen.split(":");
  return new Promise((resolve) => server.listen(port === "*" ? 0 : Number(port), host, () => resolve(`${host}:${server.address().port}`)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = { type: "string" };
  const { values } = parseArgs({ options: { server: option, page: option, listen: option } });
  console.log(`http://${await bridge(values)}/`);
}
