import assert from "node:assert/strict";
import type { CommandContext } from "../../lib/app/command_context.ts";
import type { PrivacyOptions } from "../../lib/app/command_options.ts";
import type { CommandError } from "../../lib/base/errors.ts";
import { runExplain } from "../../lib/app/explain.ts";
import { runExportAi } from "../../lib/app/export_ai.ts";
import { runHistory } from "../../lib/app/history.ts";
import { runInsights } from "../../lib/app/insights.ts";
import { runPause } from "../../lib/app/pause.ts";
import { runPrivacy } from "../../lib/app/privacy.ts";
import { runRetry } from "../../lib/app/retry.ts";
import { recordAct } from "../../lib/state/acts.ts";
import { pseudonyms } from "../../lib/privacy/pseudonyms.ts";
import { SOURCE } from "../tell/outbox_fixture.ts";
import { atDesk } from "./desk.ts";
import { OPTIONS } from "./run_export.ts";

const PRIVACY = {
  action: "show",
  role: null,
  source: null,
  reasonCode: null,
  dryRun: false,
  yes: false,
  deleteMessages: false,
  json: true,
} as const;
const INSIGHTS = {
  at: null,
  course: null,
  mentor: null,
  list: "all",
  explain: null,
  json: true,
  csv: false,
  dryRun: false,
} as const;

Deno.test("every command that takes a student or a mentor takes a pseudonym, and says so of one who was erased", async () => {
  await atDesk(async ({ box, run }) => {
    await box.mentor(3);
    for (const student of [17, 18]) await box.event({ student, mentors: [3] });
    const of = await pseudonyms(box.db.sql);
    const student = of("student", SOURCE, "17");
    const mentor = of("mentor", SOURCE, "3");
    const about = { kind: "student", who: student, mentor, exam: null } as const;
    const history = { student, since: null, format: "json", maxTokens: null, cursor: null } as const;
    const pause = { until: null, reason: "leave", dryRun: true, json: true };
    const commands: Record<string, () => Promise<string>> = {
      explain: () => run(runExplain, { about, since: null, limit: 20, json: true }),
      history: () => run(runHistory, history),
      insights: () => run(runInsights, { ...INSIGHTS, mentor, explain: student }),
      pause: () => run(runPause, { ...pause, subject: { kind: "student", who: student, mayBeUnknown: false } }),
      privacy: () => run(runPrivacy, { ...PRIVACY, person: student }),
    };
    const said = new Map<string, string>();
    for (const [name, command] of Object.entries(commands)) said.set(name, await command());
    assert.equal(JSON.parse(said.get("pause") ?? "").id, 17);
    assert.equal(JSON.parse(said.get("privacy") ?? "").id, 17);
    assert.match(said.get("explain") ?? "", /"student_id":17|"id":17/);
    assert.match(said.get("history") ?? "", /exam_passed/);
    await run(runRetry, { dead: false, eventId: null, mentor, dryRun: true, json: true });
    const exported = () => run(runExportAi, { ...OPTIONS, student });
    assert.deepEqual((await exported()).trim().split("\n").map((line) => JSON.parse(line).student.id), [student]);

    await recordAct(box.db.sql, {
      source: SOURCE,
      command: "pause --student 17",
      reason: "leave",
      effect: "student 17 paused",
    });
    const kept = await run(runPrivacy, { ...PRIVACY, person: student });
    const times = [...kept.matchAll(/"(?:timestamp|at|[a-z_]+_at)":"([^"]+)"/g)].map(([, time = ""]) => time);
    assert.ok(times.length > 4 && /"acts":\[\{/.test(kept));
    for (const time of times) assert.match(time, /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/);

    const nowhere = (context: CommandContext, options: PrivacyOptions) =>
      runPrivacy({ ...context, config: { ...context.config, privacy: { journal: "/nonexistent/j.jsonl" } } }, options);
    const erasing = { ...PRIVACY, action: "erase", person: student, reasonCode: "art17", yes: true } as const;
    await assert.rejects(run(nowhere, erasing), (error: CommandError) => /nothing was erased/.test(error.hint ?? ""));
    assert.match(await run(runPrivacy, { ...PRIVACY, person: student }), /"id":17,/);
    await run(runPrivacy, { ...PRIVACY, action: "erase", person: student, reasonCode: "art17", yes: true });
    for (const [name, command] of Object.entries(commands)) await assert.rejects(command, /student was erased/, name);
    assert.deepEqual(JSON.parse(await exported()).kind, "erasure");

    // Once more by the id: a mentor of the same one is somebody else, and stays.
    const again = { ...PRIVACY, action: "erase", person: "17", reasonCode: "art17", yes: true } as const;
    await assert.rejects(run(runPrivacy, again), /this student was erased/);
    await box.mentor(17);
    await assert.rejects(
      run(runPrivacy, again),
      /Cannot tell whom "17" means: the student of that id was erased already/,
    );
    assert.match(await run(runPrivacy, { ...PRIVACY, person: "17" }), /"role":"mentor"/);
    assert.match(await run(runPrivacy, { ...again, role: "mentor" }), /"role":"mentor"/);
  });
});
