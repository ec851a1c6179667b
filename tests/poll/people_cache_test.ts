import assert from "node:assert/strict";
import { PeopleCache } from "../../lib/poll/people_cache.ts";

Deno.test("PeopleCache asks the LMS once a poll who the mentors of a student are", async () => {
  const asked: (readonly string[])[] = [];
  const people = new PeopleCache({
    people: () => Promise.resolve([]),
    links: (ids) => {
      asked.push(ids);
      return Promise.resolve(new Map(ids.filter((id) => id !== "3").map((id) => [id, [`1${id}`]])));
    },
  });
  await people.of(new Set(["1", "2"]));
  assert.deepEqual(await people.unreadLinks(["1", "3", "4"]), new Map([["3", []], ["4", ["14"]]]));
  assert.deepEqual(await people.unreadLinks(["2"]), new Map());
  assert.deepEqual(asked, [["1", "2"], ["3", "4"]]);
});
