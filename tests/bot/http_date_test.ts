import assert from "node:assert/strict";
import { dateHeader } from "../../lib/stand_in/zulip_stand_in_http.ts";
import { httpDateS } from "../../lib/bot/http_exchange.ts";

Deno.test("httpDateS() reads what servers send, and nothing else", () => {
  assert.equal(httpDateS("Sun, 06 Nov 1994 08:49:37 GMT"), 784_111_777);
  for (const second of [0, 951_827_696, 1_795_406_560, 4_102_444_799]) {
    assert.equal(httpDateS(dateHeader(second * 1000).Date), second);
  }
  for (const text of [null, "", "1994-11-06T08:49:37Z", "Sun, 06 Xyz 1994 08:49:37 GMT", "06 Nov 1994"]) {
    assert.equal(httpDateS(text), null);
  }
});
