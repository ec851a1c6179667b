/**
 * `deno task replay`: plays a term of real, anonymised student activity (OULAD) into a Testpress-shaped LMS while
 * `lmsmon watch` runs, and compares what came of it with the source; `--data` and `--modules` as of `deno task insights`. Exit 1 when a
 * count differs.
 */
import { parseArgs } from "node:util";
import { fromInstant } from "../lib/model/time.ts";
import { makeReplayTarget, type ReplayLms } from "../tests/support/replay/make_target.ts";
import { ouladTerm } from "../tests/support/replay/oulad_term.ts";
import { chosenCourses, dayZeroOf, ouladFolder, readOuladModule } from "../tests/support/replay/read_oulad.ts";
import { type ReplayCounts, replayTerm } from "../tests/support/replay/replay_term.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    modules: { type: "string", default: "GGG" },
    lms: { type: "string", default: "postgres,mariadb" },
    state: { type: "string", default: "embedded" },
    "days-per-second": { type: "string", default: "20" },
  },
});
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

const folder = values.data ?? ouladFolder();
if (folder === null) {
  say("replay needs ../shared/data/oulad beside the project, or --data DIR; nothing was played");
  Deno.exit(0);
}
const { courses, missing, there } = await chosenCourses(folder, values.modules);
if (missing.length > 0 || courses.length === 0) {
  say(`Cannot play ${missing.join(", ") || "anything"}: ${folder} holds ${there}`);
  Deno.exit(2);
}
let different = 0;
for (const { module, presentation } of courses) {
  // A week-aligned shift of the dates to now would change nothing that is counted, so a term keeps its own.
  const dayZero = Temporal.PlainDate.from(dayZeroOf(presentation)).toZonedDateTime("UTC").toInstant();
  const term = ouladTerm(await readOuladModule(folder, module, presentation), fromInstant(dayZero));
  for (const lms of values.lms.split(",")) {
    say(`\n${module} ${presentation} on ${lms}, state ${values.state}`);
    await using target = await makeReplayTarget(
      lms as ReplayLms,
      values.state === "postgres" ? "postgres" : "embedded",
    );
    const began = performance.now();
    const counts = await replayTerm(term, target, {
      daysPerSecond: Number(values["days-per-second"]),
      say: (line) => say(`  ${line}`),
    });
    different += report({ ...term.facts }, counts);
    say(`  took ${Math.round((performance.now() - began) / 1000)} s`);
  }
}
Deno.exit(different === 0 ? 0 : 1);

/** Prints source against events, and returns how many counts differ. */
function report(facts: Readonly<Record<string, number>>, counts: ReplayCounts): number {
  const row = (...cells: (string | number)[]) =>
    say(`  ${cells.map((cell, i) => String(cell)[i === 0 ? "padEnd" : "padStart"](i === 0 ? 20 : 10)).join("")}`);
  const found = counts as unknown as Readonly<Record<string, number>>;
  row("", "source", "events");
  let different = counts.doubled + counts.markersDoubled;
  for (const [name, n] of Object.entries(facts)) {
    row(name, n, found[name] ?? 0);
    if (n !== found[name]) different++;
  }
  const sent = counts.deliveries["sent"] ?? 0;
  say(`  reported twice: ${counts.doubled}; started seen: ${counts.started}`);
  say(`  deliveries: ${Object.entries(counts.deliveries).map(([status, n]) => `${n} ${status}`).join(", ")}`);
  say(`  ${counts.messages} messages carry ${counts.markers} deliveries, ${counts.markersDoubled} of them twice`);
  if (counts.markers !== sent) different++;
  say(different === 0 ? "  equal" : `  ${different} COUNTS DIFFER`);
  return different;
}
