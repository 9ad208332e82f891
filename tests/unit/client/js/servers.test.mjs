import assert from "node:assert/strict";
import { test } from "node:test";
import { backFault } from "../../../../client/js/lib/endpoint.js";
import { Servers } from "../../../../client/js/lib/servers.js";

const [A, B, C] = [1, 2, 3].map((number) => `tcp://192.0.2.${number}:1`);

test("the next server follows, and the first after the last", () => {
  const servers = new Servers([{ endpoint: A }, { endpoint: B }]);
  const seen = [];
  for (let turn = 0; turn < 3; turn++, servers.next()) seen.push(servers.now.endpoint);
  assert.deepEqual(seen, [A, B, A]);
});

test("peers are learned with the key of their namer and by the rules for the back", () => {
  const servers = new Servers([{ endpoint: A, key: "key a" }, { endpoint: B, key: "key b" }], backFault);
  servers.learn([A, C, "tcp://127.0.0.1:1", "nonsense", 7]);
  assert.equal(servers.length, 3);
  servers.next();
  servers.next();
  assert.deepEqual(servers.now, { endpoint: C, key: "key a" });
  servers.learn(undefined); // the one in use stays
  assert.deepEqual([servers.length, servers.now.endpoint], [3, C]);
  servers.next();
  servers.learn([]);
  assert.deepEqual([servers.length, servers.now.endpoint], [2, A]);
});

test("at most sixteen are kept, and none without a rule", () => {
  const many = Array.from({ length: 30 }, (_, port) => `tcp://192.0.2.9:${port + 1}`);
  const [some, none] = [new Servers([{ endpoint: A }], backFault), new Servers([{ endpoint: A }])];
  some.learn(many);
  none.learn(many);
  assert.deepEqual([some.length, none.length], [16, 1]);
});
