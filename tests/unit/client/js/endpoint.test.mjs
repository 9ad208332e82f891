import assert from "node:assert/strict";
import { test } from "node:test";
import { backFault } from "../../../../client/js/lib/endpoint.js";

const [HERE, THERE] = ["tcp://127.0.0.1:5570", "tcp://relay.example:5570"];

test("a back that fits its front", () => {
  for (const [front, back] of [
    [HERE, "tcp://127.0.0.1:5571"], ["tcp://localhost:1", "tcp://[::1]:2"], [THERE, "tcp://relay.example:5571"], [THERE, "tcp://10.0.0.1:5571"],
    [THERE, "tcp://[2001:db8::1]:5571"], ["ipc:///run/zrelay/front", "ipc:///run/zrelay/back"], ["ipc://@front", "ipc://@back"], ["ipc:///run/front", HERE],
    [THERE, "tcp://RELAY.EXAMPLE:5571"], ["tcp://[::ffff:127.0.0.1]:1", HERE],
  ]) assert.equal(backFault(front, back), undefined, `${front} ${back}`);
});

test("a back elsewhere is refused", () => {
  for (const [front, back] of [
    [HERE, THERE], [THERE, HERE], [THERE, "tcp://foo.localhost:1"], [THERE, "tcp://0.0.0.0:1"], [THERE, "tcp://0x7f000001:1"], [THERE, "tcp://127.1:1"],
    [THERE, "tcp://[::]:1"], [THERE, "tcp://[::127.0.0.1]:1"], [THERE, "tcp://[::ffff:0.0.0.1]:1"], [THERE, "tcp://[::ffff:127.0.0.1]:1"], [HERE, "inproc://x"],
    [HERE, "ipc:///run/x"], [HERE, ""], [HERE, undefined], ["ipc:///run/zrelay/front", "ipc:///tmp/back"], ["ipc:///run/zrelay/front", "ipc:///run/zrelay/.."],
    ["ipc:///run/zrelay/front", "ipc:///run/zrelay/"], ["ipc://@front", "ipc://back"], ["ipc:///run/front", THERE], [THERE, "tcp://x.example:1\n"],
    [THERE, "tcp://a.example;b.example:1"], [THERE, "tcp://a.example:0"], [THERE, "tcp://a.example:65536"], [THERE, "tcp://[:::]:1"],
  ]) assert.ok(backFault(front, back), `${front} ${back}`);
});
