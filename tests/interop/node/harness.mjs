// Starts the real programs for tests in JavaScript: broker, bridge or gateway, and Chromium. Waits are for conditions.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const PAGE = join(HERE, "page"); // the chat page with the client beside it
const ZRELAYD = process.env.ZRELAYD;
const GATEWAY = process.env.ZRELAY_GATEWAY;
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const DEADLINE = 60000; // milliseconds that anything may take, on a slow machine

/** Calls `look` until it gives something, and gives that. */
export async function until(look, what) {
  for (const end = Date.now() + DEADLINE; ; ) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`timed out: ${typeof what === "function" ? await what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A program that is up once a line of its stdout matches. */
class Program {
  #output = "";
  text = ""; // of stdout

  constructor(command, ...parameters) {
    this.process = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (data) => (this.#output += data));
    this.process.stdout.on("data", (data) => (this.text += data));
    this.ended = new Promise((resolve) => this.process.on("close", resolve));
  }

  /** Waits for the end; any status but 0 is a failure. */
  async done() {
    await this.ended;
    if (this.process.exitCode !== 0) throw new Error(`${this.process.spawnargs.join(" ")} ended with ${this.process.exitCode}: ${this.#output}`);
  }

  async line(pattern) {
    return until(() => {
      if (this.process.exitCode !== null) throw new Error(`${this.process.spawnfile} ended: ${this.#output}`);
      return this.#output.match(pattern);
    }, () => `${pattern} in ${this.#output}`);
  }

  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }
}

/** A stage for one test: `t` is the test's context; everything ends with the test. */
export class Stage {
  constructor(t) {
    this.t = t;
  }

  start(command, ...parameters) {
    const program = new Program(command, ...parameters);
    this.t.after(() => program.kill());
    return program;
  }

  async folder() {
    const path = await mkdtemp(join(tmpdir(), "zrelay-js-"));
    this.t.after(() => rm(path, { recursive: true, force: true }));
    return path;
  }

  /** A broker; `parameters` such as "--data". */
  async broker(...parameters) {
    this.parameters = parameters;
    const broker = this.start(ZRELAYD, ...(this.listen ?? ["--listen", "tcp://127.0.0.1:*"]), ...parameters);
    const [, server, back, epoch] = await broker.line(/listening on (\S+)(?: \(encrypted\))?, back (\S+)(?: \(encrypted\))?, epoch (\w+),/);
    this.listen = ["--listen", server, "--back", back];
    return Object.assign(broker, { server, back, epoch });
  }

  /** kill -9, and another one on the same ports. */
  async restart(broker) {
    await broker.kill();
    return this.broker(...this.parameters);
  }

  /** Serves the page and WebSockets: the gateway, or the bridge. Its `address` ends with a slash. */
  async gateway(broker, { bridge = !GATEWAY, listen = "127.0.0.1:*", config } = {}) {
    if (bridge) {
      const program = this.start(process.execPath, join(HERE, "bridge.mjs"), "--server", broker.server, "--page", PAGE, "--listen", listen);
      const [, address] = await program.line(/^(http\S+\/)$/m);
      return Object.assign(program, { address, listen: new URL(address).host });
    }
    const settings = config ? ["--config", config] : [];
    const program = this.start(GATEWAY, "--server", broker.server, "--page", PAGE, "--http", listen, ...settings);
    const [, address] = await program.line(/listening on (http\S+),/);
    await program.line(/connected to the broker/);
    return Object.assign(program, { address: `${address}/`, listen: new URL(address).host });
  }

  async browser() {
    const { chromium } = await import("playwright-core"); // few tests need it
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
    this.t.after(() => browser.close());
    const newContext = async (options) => {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(DEADLINE);
      return context;
    };
    return { newContext, newPage: async (options) => (await newContext(options)).newPage() };
  }
}
