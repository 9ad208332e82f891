// Programs that need a terminal, in tmux: what is typed into them, and what stands on their screens.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { until } from "./harness.mjs";

const run = promisify(execFile);
const COLUMNS = 160, LINES = 60;

/** Terminals of one test; they end with it. */
export class Terminals {
  #socket;
  #home;

  constructor(stage, home) {
    this.#socket = `${home}/tmux`;
    this.#home = home;
    stage.t.after(() => this.#tmux("kill-server").catch(() => {}));
  }

  async #tmux(...parameters) {
    const env = { ...process.env, HOME: this.#home, LANG: "C.UTF-8", TMUX: "" };
    return (await run("tmux", ["-S", this.#socket, "-f", "/dev/null", ...parameters], { env })).stdout;
  }

  /** Starts the program in a terminal of that name. */
  async open(name, ...command) {
    await this.#tmux("new-session", "-d", "-s", name, "-x", String(COLUMNS), "-y", String(LINES), ...command);
    const screen = () => this.#tmux("capture-pane", "-p", "-t", name);
    return {
      name,
      screen,
      say: async (text) => {
        await this.#tmux("send-keys", "-t", name, "-l", text);
        await this.#tmux("send-keys", "-t", name, "Enter");
      },
      shows: (pattern) => until(async () => (await screen()).match(pattern), async () => `${pattern} on ${name}:\n${(await screen()).replace(/\n\s*(?=\n)/g, "")}`),
    };
  }
}
