import { createHash } from "node:crypto";
import { CommandError } from "../base/errors.ts";
import { leadsToStdout } from "../drivers/deno/stdout_pipe.ts";
import { openOutputFile } from "../export/output_file.ts";
import type { ConstantsFile } from "../insights/constants_file.ts";
import { FEWEST_STUDENTS, fitConstants } from "../insights/fit.ts";
import { valuesOf } from "../insights/insight.ts";
import { unknownWords } from "../insights/outcomes.ts";
import { INDICATORS } from "../insights/score.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonBehind } from "./command_json.ts";
import type { FitOptions } from "./command_options.ts";
import { judgeDays } from "./judged_days.ts";
import { OpenParts } from "./open_parts.ts";

const DIGITS = 4;

/** `insights fit`: a site's own constants, from its own outcomes, for `insights.constants` to name. */
export async function runFit(context: CommandContext, options: FitOptions): Promise<void> {
  const { config, out, log } = context;
  const isStdout = options.out !== null && !options.dryRun && leadsToStdout(options.out);
  if (isStdout && options.json) throw jsonBehind("the constants go");
  // Before any work: who cannot write there should not wait for it.
  await using place = options.out === null || options.dryRun ? null : await openOutputFile(options.out, 0o644);
  await using parts = new OpenParts(config);
  const db = await parts.state({ dryRun: true });
  const { outcomes, days } = await judgeDays(context, db, options);
  const says = unknownWords(outcomes);
  const judged = [...days.values()].flat().filter(({ insight }) => insight.z !== null);
  const students = new Map(judged.map(({ insight, failed }) => [`${insight.course}/${insight.student}`, failed]));
  if (students.size < FEWEST_STUDENTS) {
    throw new CommandError(
      `Cannot fit constants to ${
        counted(students.size, "student")
      }: ${FEWEST_STUDENTS} with a score and an outcome are needed`,
      {
        hint: "keep the constants that lmsmon comes with, or add the outcomes of finished courses" +
          (says === null ? "" : `; ${says}`),
      },
    );
  }
  const failed = [...students.values()].filter(Boolean).length;
  if (failed === 0 || failed === students.size) {
    throw new CommandError("Cannot fit constants: all outcomes are the same", {
      hint: "the file needs students that failed or withdrew (1), and others (0)",
    });
  }
  const fitted = fitConstants(
    judged.map(({ insight, failed }) => ({ values: valuesOf((name) => insight.standing[name]), failed })),
    "site",
  );
  const weights = valuesOf((name) => Number(fitted.weights[name].toFixed(DIGITS)));
  const intercept = Number(fitted.intercept.toFixed(DIGITS));
  const digest = createHash("sha256").update(JSON.stringify({ intercept, weights })).digest("hex");
  const file: ConstantsFile = {
    version: `site-${digest.slice(0, 8)}`,
    intercept,
    weights,
    students: students.size,
    failed,
  };
  await place?.write(new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`));
  await place?.commit();
  const written = options.dryRun ? null : options.out;
  if (options.json) {
    return out.writeJson(commandJson("insights fit", { ...file, unknown: outcomes.unknown.length, written }));
  }
  const fittedTo = `Fitted to ${
    counted(students.size, "student")
  }, of whom ${failed} failed or withdrew: ${file.version}`;
  if (isStdout) return log.info("{said}", { said: says === null ? fittedTo : `${fittedTo}; ${says}` });
  out.writeLine(fittedTo);
  await out.table(["value", "weight"], [
    ["intercept", intercept],
    ...INDICATORS.map((name): [string, number] => [name, weights[name]]),
  ]);
  if (says !== null) out.writeLine(says);
  out.writeLine(
    written === null
      ? "Nothing was written; --out FILE writes them for insights.constants to name"
      : `Written to ${written}: name it in insights.constants, and evaluate it on another course than these`,
  );
}
