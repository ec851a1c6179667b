import assert from "node:assert/strict";
import { SendSlots } from "../../lib/notify/send_slots.ts";

Deno.test("SendSlots lets as many through as it has, and the others in their order", async () => {
  const slots = new SendSlots(3);
  const order: number[] = [];
  let underWay = 0;
  let most = 0;
  const one = async (i: number) => {
    const turn = slots.take();
    if (turn !== null) await turn;
    most = Math.max(most, ++underWay);
    order.push(i);
    await Promise.resolve();
    underWay--;
    slots.give();
  };
  await Promise.all(Array.from({ length: 5000 }, (_, i) => one(i)));
  assert.equal(most, 3);
  assert.deepEqual(order, order.toSorted((a, b) => a - b));
  assert.equal(order.length, 5000);
  assert.deepEqual([slots.take(), slots.take(), slots.take()], [null, null, null], "all of them are free again");
});
