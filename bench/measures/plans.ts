import { benchLms, type LmsKind } from "../support/databases.ts";
import { lmsPlans } from "../../tests/support/large_lms/lms_plans.ts";
import { lmsServer } from "../support/lms_server.ts";
import { line, type Measure } from "../support/measure.ts";

export const plans: Measure = {
  name: "plans",
  about: "plans of every LMS query on the large LMS: index or bounded scans, no sorts",
  async run(bench) {
    const { rowsLarge } = bench.options;
    const shape = { attempts: rowsLarge, contentAttempts: Math.round(rowsLarge / 10), open: true };
    const lines = [];
    for (const kind of ["postgres", "mariadb"] satisfies LmsKind[]) {
      const url = await benchLms(kind, shape, bench.say, kind === "postgres" ? await lmsServer() : undefined);
      const found = await lmsPlans(url, rowsLarge);
      for (const { name, problems, plan } of found) {
        if (problems.length > 0) bench.say(`  ${kind}, ${name}: ${problems.join(", ")}\n${plan}`);
      }
      const good = found.filter(({ problems }) => problems.length === 0).length;
      lines.push(line({
        name: `plans ${kind}`,
        what: `LMS queries with a bounded plan, ${rowsLarge} rows, ${kind}`,
        yardstick: `all ${found.length}`,
        reach: { atLeast: 1 },
        unit: "plans",
      }, [{ ours: good, theirs: found.length }]));
    }
    return lines;
  },
};
