import assert from "node:assert/strict";
import { markedLink } from "../../lib/format/marked_link.ts";
import { markersIn } from "../../lib/model/marker.ts";
import { told } from "./told_events.ts";

const M = "k7q2m9fd3xwp4t8s";
const event = told("exam_passed", { marker: M });
const link = (template: string, of = event) => markedLink(of, { exam_attempt: template });

Deno.test("markedLink() fills ids into the template and puts the marker into the fragment", () => {
  assert.equal(
    link("https://x.example/{exam_id}/{attempt_id}?s={student_id}&a={activity_id}"),
    `https://x.example/133/68701?s=7713&a=133#n=${M}`,
  );
});

Deno.test("markedLink() keeps the route of a single-page site and drops another fragment", () => {
  for (
    const [template, expected] of [
      ["https://x.example/a#top", `https://x.example/a#n=${M}`],
      ["https://x.example/#/a/{attempt_id}", `https://x.example/#/a/68701?n=${M}`],
      ["https://x.example/#!/a?id={attempt_id}", `https://x.example/#!/a?id=68701&n=${M}`],
    ] as const
  ) {
    assert.equal(link(template), expected);
    assert.deepEqual(markersIn(`[attempt](${expected})`), [M]);
  }
});

Deno.test("markedLink() percent-encodes what would end the link", () => {
  assert.equal(
    link('https://x.example/a b/(c)/[d]*"<e>`ü'),
    `https://x.example/a%20b/%28c%29/%5Bd%5D%2A%22%3Ce%3E%60%C3%BC#n=${M}`,
  );
  assert.equal(
    link("https://x.example/{student_id}", { ...event, student: { ...event.student, id: "7)(" } }),
    `https://x.example/7%29%28#n=${M}`,
  );
});

Deno.test("markedLink() is null without a template, with an unknown id, or for what is no web address", () => {
  assert.equal(markedLink(event, {}), null);
  assert.equal(link("javascript:alert(1)"), null);
  assert.equal(link("https://x.example/{content_id}"), null);
  assert.equal(link("https://x.example/{activity_id}", { ...event, activityId: null }), null);
  assert.equal(link(`https://x.example/${"a".repeat(2000)}`), null);
});

Deno.test("markersIn() finds every marker of a ref line and none that a title pretends", () => {
  assert.deepEqual(markersIn(`x\n\`ref ${M}, aaaaaaaaaaaaaaaa\``), [M, "aaaaaaaaaaaaaaaa"]);
  assert.deepEqual(markersIn(`ref ${M} &#35;n=${M} https://x.example/?n=${M}`), []);
  assert.deepEqual(markersIn(`[a](https://x.example/#n=${M}x)`), []);
});
