import assert from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { loadConfig } from "../../lib/config/load_config.ts";

async function configOf(text: string) {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_config_" });
  try {
    await Deno.writeTextFile(`${folder}/config.yaml`, text);
    return await loadConfig({ flag: undefined, env: {}, cwd: folder, home: folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a Moodle with an address has links to its own pages, and those of lms.links go before them", async () => {
  const links = async (more: string) =>
    (await configOf(`lms: {preset: moodle, moodle: {url: "https://moodle.example/m/"}${more}}`)).source.links;
  assert.deepEqual(await links(""), {
    exam_attempt: "https://moodle.example/m/mod/quiz/review.php?attempt={attempt_id}",
    assignment: "https://moodle.example/m/mod/assign/view.php?id={activity_id}",
    content: "https://moodle.example/m/mod/{content_type}/view.php?id={activity_id}",
  });
  assert.equal(
    (await links(`, links: {exam_attempt: "https://x.example/{attempt_id}"}`))["exam_attempt"],
    "https://x.example/{attempt_id}",
  );
});

Deno.test("other presets have no links of a Moodle, and a Moodle without an address has none", async () => {
  assert.deepEqual((await configOf("lms: {moodle: {url: https://moodle.example}}")).source.links, {});
  assert.deepEqual((await configOf("lms: {preset: moodle}")).source.links, {});
});

Deno.test("a Moodle is read by its defaults unless the file says otherwise", async () => {
  const { name, moodle } = (await configOf("lms: {preset: moodle}")).lms;
  assert.equal(name, "moodle");
  assert.deepEqual(moodle, {
    prefix: "mdl_",
    mentorRoles: ["mentor", "parent"],
    media: ["h5pactivity", "hvp"],
    assignments: false,
  });
  const other = await configOf(
    `lms: {preset: moodle, moodle: {prefix: "", mentor_roles: [tutor], media: [], assignments: true}}`,
  );
  assert.deepEqual(other.lms.moodle, { prefix: "", mentorRoles: ["tutor"], media: [], assignments: true });
});

Deno.test("no role is no mentor: an empty list of roles is an error", async () => {
  await assert.rejects(configOf("lms: {preset: moodle, moodle: {mentor_roles: []}}"), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /mentor_roles: must name at least one role/);
    return true;
  });
});
