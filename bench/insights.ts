/**
 * `deno task insights`: plays modules of real, anonymised students through a Testpress-shaped LMS and real polls into a state, and
 * holds what lmsmon says of them on days of the term against how it ended for them. Prints the tables of docs/insights.md.
 */
import { parseArgs } from "node:util";
import { INDICATORS } from "../lib/insights/score.ts";
import { chosenCourses, ouladFolder, readOuladModule } from "../tests/support/replay/read_oulad.ts";
import { type JudgedModule, judgeModule, measuresOf, namingOf, stabilityOf } from "./support/insight_measures.ts";
import { printTable } from "./support/insight_tables.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    modules: { type: "string" },
    days: { type: "string", default: "30,60,90,120" },
    naming: { type: "boolean", default: false },
    students: { type: "string" },
    keep: { type: "string" },
  },
});
const say = (line = "") => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const folder = values.data ?? ouladFolder();
if (folder === null) {
  say("insights needs ../shared/data/oulad beside the project, or --data DIR; nothing was played");
  Deno.exit(0);
}
const days = values.days.split(",").map(Number);
if (days.some((day) => !Number.isInteger(day))) {
  say(`Cannot read --days "${values.days}": write whole numbers, such as 30,60,90,120`);
  Deno.exit(2);
}
const { courses, missing, there } = await chosenCourses(folder, values.modules ?? null);
if (missing.length > 0 || courses.length === 0) {
  say(`Cannot play ${missing.join(", ") || "anything"}: ${folder} holds ${there}`);
  Deno.exit(2);
}

const judged: JudgedModule[] = [];
for (const { module, presentation } of courses) {
  const began = performance.now();
  const data = await readOuladModule(folder, module, presentation);
  const keep = values.keep === undefined ? null : `${values.keep}/${module}_${presentation}`;
  judged.push(await judgeModule(data, { days, weekly: values.naming, keep }));
  say(`${module} ${presentation}: played in ${Math.round((performance.now() - began) / 1000)} s`);
}
const students = values.students?.split(",") ?? [];
for (const module of judged) {
  for (const [day, outcomes] of module.days) {
    for (
      const { insight: { student, values, z } } of outcomes.filter(({ insight }) => students.includes(insight.student))
    ) {
      say(
        `${module.name} d${day} student ${student}: ${
          INDICATORS.map((name) => `${name} ${Number((values[name] ?? 0).toFixed(4))}`).join(", ")
        }, z ${z?.toFixed(4)}`,
      );
    }
  }
}
say();
printTable(say, days, judged, measuresOf);
say();
if (values.naming) {
  say(
    "naming policy, weekly, days 28 to 126 (at most 2 names a mentor and week, p >= .60, four weeks' cool-down, at most twice)",
  );
  for (const line of namingOf(judged)) say(`  ${line}`);
  say("new names a week in the top 10 %");
  for (const line of stabilityOf(judged)) say(`  ${line}`);
}
