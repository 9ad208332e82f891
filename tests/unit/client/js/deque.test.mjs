import assert from "node:assert/strict";
import { test } from "node:test";
import { Deque } from "../../../../client/js/lib/deque.js";

test("what is pushed first is shifted first, however many", () => {
  const deque = new Deque();
  assert.equal(deque.shift(), undefined);
  let [next, expected] = [0, 0];
  for (let round = 0; round < 5000; round++) {
    deque.push(next++);
    deque.push(next++);
    assert.equal(deque.peek(), expected);
    assert.equal(deque.shift(), expected++);
  }
  assert.equal(deque.length, next - expected);
  assert.deepEqual([...deque].slice(0, 2), [expected, expected + 1]);
});

test("items are taken from its middle", () => {
  const deque = new Deque();
  for (let number = 0; number < 6; number++) deque.push(number);
  deque.shift();
  assert.deepEqual(deque.take((number) => number === 2 || number === 4), [2, 4]);
  assert.deepEqual([deque.length, ...deque], [3, 1, 3, 5]);
});
