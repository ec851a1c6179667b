import assert from "node:assert/strict";
import { makePlace, postgresServer } from "./lmsmon_place.ts";

const PASSED = { state: "Completed", result: "Pass", score: 148, percentage: 82 };

Deno.test({
  name: "what is sent names students as format.names says, alone and in a digest",
  ignore: postgresServer === null,
}, async () => {
  await using place = await makePlace();
  const { lms: { writer }, zulip, home } = place;
  const { mentor } = await place.pair();
  for (const [id, display_name] of [[501, "Zebulon Quuxley"], [502, "Hortensia Wimbledorf"]] as const) {
    await writer.student({ id, display_name, username: `user${id}` });
    await writer.link(mentor, id);
  }
  const exam = await writer.exam();
  const polled = async (names: string, students: readonly number[]) => {
    await place.configure({ format: { names }, notify: { gather: 0, max_age: null } });
    const before = zulip.messages.length;
    for (const user_id of students) await writer.attempt({ user_id, exam_id: exam, ...PASSED });
    const { code, err } = await home.run("poll-once");
    assert.equal(code, 0, err);
    return zulip.messages.slice(before).map(({ content }) => content).join("\n");
  };
  await polled("full", []);
  assert.match(await polled("full", [501]), /Zebulon Quuxley/);
  const initials = await polled("initials", [501]) + await polled("initials", [501, 502]);
  assert.match(initials, /ZQ[\s\S]*HW/);
  const usernames = await polled("username", [501]) + await polled("username", [501, 502]);
  assert.match(usernames, /user501[\s\S]*user502/);
  assert.doesNotMatch(initials + usernames, /Zebulon|Quuxley|Hortensia|Wimbledorf/);
  assert.doesNotMatch(initials, /user50/);
});
