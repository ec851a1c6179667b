import assert from "node:assert/strict";
import { auc, calibrationError, newNames, precisionAt, recallAt, top } from "../../lib/insights/measures.ts";
import { type Mention, nameOn } from "../../lib/insights/naming.ts";
import type { Insight } from "../../lib/insights/insight.ts";

const judged = (...list: [number, boolean][]) => list.map(([score, failed]) => ({ score, failed }));

Deno.test("auc() counts pairs in the right order, and equals half", () => {
  assert.equal(auc(judged([0.9, true], [0.1, false])), 1);
  assert.equal(auc(judged([0.9, false], [0.1, true])), 0);
  assert.equal(auc(judged([0.5, true], [0.5, false], [0.1, false])), 0.75);
  assert.equal(auc(judged([0.5, true])), null);
});

Deno.test("precisionAt() and recallAt() count the highest share, and the chances above a threshold", () => {
  const ten = judged(...Array.from({ length: 10 }, (_, i): [number, boolean] => [i / 10, i >= 8 || i === 0]));
  assert.equal(precisionAt(ten, 0.2), 1);
  assert.equal(precisionAt(ten, 0.4), 0.5);
  assert.equal(recallAt(ten, 0.5), 2 / 3);
});

Deno.test("calibrationError() is none when chances come true, and their distance when not", () => {
  assert.ok((calibrationError(judged([0.5, true], [0.5, false])) ?? 1) < 1e-12);
  assert.ok(Math.abs((calibrationError(judged([0.9, false], [0.9, false])) ?? 0) - 0.9) < 1e-12);
});

Deno.test("newNames() of a week's top() counts who was not there the week before", () => {
  const before = top(new Map([["a", 3], ["b", 2], ["c", 1], ["d", 0]]), 0.5);
  assert.deepEqual([...before], ["a", "b"]);
  assert.equal(newNames(before, new Set(["b", "c"])), 0.5);
});

const at = (student: string, p: number, course = "1") => ({ student, course, p }) as Insight;
const names = (mentions: readonly Mention[]) => mentions.map(({ student }) => student);

Deno.test("nameOn() names two at most a mentor, the highest first, and nobody again too soon or a third time", () => {
  const mentors = () => ["m"];
  const first = nameOn(0, [at("a", .7), at("b", .9), at("c", .8), at("d", .59)], mentors, []);
  assert.deepEqual(names(first), ["b", "c"]);
  const next = nameOn(7, [at("a", .7), at("b", .96), at("c", .96)], mentors, first);
  assert.deepEqual(names(next), ["c", "a"], "c rose by .15, b did not");
  const later = nameOn(35, [at("a", .7), at("b", .9), at("c", .99)], mentors, [...first, ...next]);
  assert.deepEqual(names(later), ["b", "a"], "c was named twice");
});

Deno.test("nameOn() takes a student of several courses for one person: one name, one cool-down, twice in all", () => {
  const mentors = () => ["m"];
  const week = [at("a", .8, "1"), at("a", .9, "2"), at("b", .7, "1"), at("a", .85, "3"), at("b", .65, "2")];
  const first = nameOn(0, week, mentors, []);
  assert.deepEqual(first.map(({ student, course }) => `${student}/${course}`), ["a/2", "b/1"]);
  assert.deepEqual(nameOn(7, week, mentors, first), [], "no other course brings them up again");
  const rose = nameOn(7, [...week, at("b", .86, "3")], mentors, first);
  assert.deepEqual(rose.map(({ student, course }) => `${student}/${course}`), ["b/3"], "a rise in any course is news");
  const twice = [...first, ...nameOn(28, week, mentors, first)];
  assert.deepEqual(names(twice), ["a", "b", "a", "b"]);
  assert.deepEqual(nameOn(90, week, mentors, twice), [], "twice in all");
});
