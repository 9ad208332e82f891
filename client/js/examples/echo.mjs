// An echo: `node echo.mjs serve` answers each request with its own text; `node echo.mjs TEXT` asks it, and prints the answer.
import { connect } from "zrelay";

const [text = "serve"] = process.argv.slice(2);
const gateway = process.env.ZRELAY_GATEWAY ?? "ws://127.0.0.1:5580/v1/ws";

if (text === "serve") {
  const relay = await connect(gateway, { nick: "echo" });
  console.log("serving");
  await relay.serve((asked) => asked.text);
} else {
  const relay = await connect(gateway);
  console.log(JSON.stringify((await relay.request(text, { to: "echo" })).text)); // as JSON: the text of others may control a terminal
  await relay.close();
}
