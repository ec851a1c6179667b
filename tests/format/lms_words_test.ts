import assert from "node:assert/strict";
import { formatDigest } from "../../lib/format/format_digest.ts";
import { formatSingle } from "../../lib/format/format_single.ts";
import { markedLink } from "../../lib/format/marked_link.ts";
import { NOT_HANDED_IN, SET_BY_A_TEACHER } from "../../sql/lms/own_results.ts";
import { classmate, NO_LINKS, told } from "./told_events.ts";

const nothing = { graded: false, verdict: null, score: null, percentage: null, result: NOT_HANDED_IN };

Deno.test("an attempt that nobody handed in is no submission whose result is awaited", () => {
  const { content } = formatSingle(told("exam_completed", { metadata: nothing }), NO_LINKS);
  assert.match(content, /^❗ \*\*.+\*\* (just )?did not hand in \*\*/);
  assert.match(content, /closed 13:/);
  assert.doesNotMatch(content, /submitted|not out yet|the LMS says/);
});

Deno.test("in a digest, what was not handed in stands apart from what awaits a result", () => {
  const events = [
    classmate(1, "exam_completed", { metadata: nothing }),
    classmate(2, "exam_completed", { metadata: { ...nothing, result: null } }),
    classmate(3, "exam_completed", { metadata: nothing }),
  ];
  const [{ content } = { content: "" }] = formatDigest(events, NO_LINKS);
  assert.match(content.split("\n")[0] ?? "", /1 submitted/);
  assert.equal(content.match(/did not hand in/g)?.length, 3, content); // the head, and a line for each student
  assert.doesNotMatch(content, /not out yet.*not out yet/s);
});

Deno.test("what a teacher ticked off is told so", () => {
  const { content } = formatSingle(told("content_completed", { metadata: { result: SET_BY_A_TEACHER } }), NO_LINKS);
  assert.match(content, /, set by a teacher/);
});

Deno.test("a link may name the type of a content", () => {
  const links = { content: "https://moodle.example/mod/{content_type}/view.php?id={activity_id}" };
  const page = { activityId: "17", contentType: "page", marker: "k7q2m9fd3xwp4t8s" };
  assert.equal(
    markedLink(told("content_completed", page), links),
    "https://moodle.example/mod/page/view.php?id=17#n=k7q2m9fd3xwp4t8s",
  );
  assert.equal(markedLink(told("content_completed", { ...page, contentType: null }), links), null);
});

Deno.test("what has no title and no name is told by the LMS's own key, not by the number that stands for it", () => {
  const student = { id: "5523761057042968458", name: null, username: null };
  const keys = { attempt: null, activity: "unit-[3]/Übung", student: "a1:@**all**" };
  const untitled = { title: null, activityId: "4914114991465569087", student, keys };
  const { content } = formatSingle(told("content_completed", untitled), NO_LINKS);
  assert.match(
    content.split("\n")[0] ?? "",
    /\*\*Student a1&#58;&#64;.*all.*\*\*.*\*\*content unit-&#91;3&#93;&#47;Übung\*\*/,
  );
  assert.doesNotMatch(content, /\d{19}/);
  const shared = { ...untitled, student: { ...student, name: "Ana", nameIsShared: true } };
  const [digest] = formatDigest([told("exam_passed", shared), told("content_started", untitled)], NO_LINKS);
  assert.match(digest?.content ?? "", /Ana \(id a1&#58;/);
  assert.doesNotMatch(digest?.content ?? "", /\d{19}/);
  const plain = formatSingle(told("exam_passed", { title: null, activityId: "133" }), NO_LINKS);
  assert.match(plain.content, /\*\*exam 133\*\*/);
});
