import { basename, join } from "node:path";
import { StoppedError } from "../base/errors.ts";
import { progressShower } from "../base/progress.ts";
import { leadsToStdout } from "../drivers/deno/stdout_pipe.ts";
import { asFolder, openOutputFile, type OutputFile } from "../export/output_file.ts";
import { readConstants } from "../insights/constants_file.ts";
import { findCourse } from "../insights/find_course.ts";
import { jsonId } from "../model/lms_ids.ts";
import { type AsOf, asOf } from "../insights/read_insights.ts";
import { findPerson } from "../people/find_person.ts";
import { composeReport, drawnOf, peopleIn, type Report } from "../report/compose_report.ts";
import { type Audience, readReport, type ReportFacts } from "../report/read_report.ts";
import { type RenderedReport, renderReport } from "../report/render_report.ts";
import { readMoment } from "../state/read_moment.ts";
import type { Queryable } from "../state/state_db.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonBehind } from "./command_json.ts";
import { warnOfUnseen } from "./insights.ts";
import { keepErased } from "./keep_erased.ts";
import { OpenParts } from "./open_parts.ts";

/** The flags of `report`, as those in command_options.ts. */
export interface ReportOptions {
  /** Absolute; with a slash at the end, or where a folder is already: a file for each mentor goes into it. */
  readonly out: string;
  /** ISO date, today or yesterday; `null`: today. */
  readonly at: string | null;
  /** Id or title. */
  readonly course: string | null;
  /** LMS id, username or pseudonym. */
  readonly mentor: string | null;
  /** The same of each; never with `mentor`. */
  readonly students: readonly string[] | null;
  /** Names instead of pseudonyms. */
  readonly identified: boolean;
  readonly json: boolean;
}

/** A file that was written, and what is in it. */
interface Written {
  readonly path: string;
  readonly mentor: string | null;
  readonly report: Report;
  readonly page: RenderedReport;
}

/** `report`: pages to look at, each whole or not there at all, and readable by their owner only. */
export async function runReport(context: CommandContext, options: ReportOptions): Promise<void> {
  const { config, clock } = context;
  warnOfUnseen(context);
  const at = asOf(options.at, clock.now(), config.notify.timezone);
  const isStdout = leadsToStdout(options.out);
  if (isStdout && options.json) throw jsonBehind("the page goes");
  // Before any work: who cannot write there should not wait for a database to learn it.
  const isFolder = await asFolder(options.out);
  await using files = new AsyncDisposableStack();
  const single = isFolder ? null : files.use(await openOutputFile(options.out));
  const facts = await read(context, options, at, isFolder);
  const opened: OutputFile[] = [];
  const open = async (path: string) => {
    const file = single ?? files.use(await openOutputFile(path));
    opened.push(file);
    return file;
  };
  const placeOf = (audience: Audience) => isFolder ? join(options.out, fileName(facts, audience)) : options.out;
  const written = await writeAll(context, facts, placeOf, open).catch((error) => {
    throw error instanceof StoppedError ? error.withHint("no file was written; start it again") : error;
  });
  for (const file of opened) await file.commit();
  // Behind the page it would be a part of it.
  const say = isStdout
    ? (said: string) => context.log.info("{said}", { said })
    : (text: string) => context.out.writeLine(text);
  await tell(context, facts, written, { ...options, say });
}

async function read(
  context: CommandContext,
  options: ReportOptions,
  at: AsOf,
  perMentor: boolean,
): Promise<ReportFacts> {
  const { config } = context;
  const source = config.source.name;
  const constants = await readConstants(config.insights?.constants ?? null);
  await using parts = new OpenParts(config);
  const db = await parts.state();
  await keepErased(context, db);
  return await readMoment(db, async (sql) => {
    const ids = await narrowed(sql, source, options);
    return await readReport(sql, { source, at, constants, perMentor, identified: options.identified, ...ids });
  });
}

/** What the flags name, as ids. Throws CommandError for what there is not. */
async function narrowed(sql: Queryable, source: string, { course, mentor, students }: ReportOptions) {
  const ids: string[] = [];
  for (const student of students ?? []) ids.push(await findPerson(sql, source, "student", student));
  return {
    course: course === null ? null : (await findCourse(sql, source, course)).course_id,
    mentor: mentor === null ? null : await findPerson(sql, source, "mentor", mentor),
    students: students === null ? null : ids,
  };
}

/** By pseudonym unless people are named: a file's name is seen by more people than its content. */
function fileName({ asked, called, keyOf }: ReportFacts, { mentor }: Audience): string {
  if (mentor === null) return "report.html";
  const key = keyOf(mentor);
  // A key of text may hold what no name of a file can, or another folder.
  const named = /^[\w-][\w.-]{0,99}$/.test(key) ? key : mentor;
  return `mentor-${asked.identified ? named : called("mentor", mentor).name}.html`;
}

/** Writes every file to the end; none has its name yet. */
async function writeAll(
  { clock, log, stop }: CommandContext,
  facts: ReportFacts,
  placeOf: (audience: Audience) => string,
  open: (path: string) => Promise<OutputFile>,
): Promise<Written[]> {
  const reports = facts.audiences.map((audience) => ({ audience, report: composeReport(facts, audience) }));
  const whole = reports.reduce((sum, { report }) => sum + drawnOf(report).length, 0);
  let drawn = 0;
  using progress = progressShower(clock, log)("Drawing", "student");
  const onDrawn = async () => {
    progress.update(++drawn, drawn / whole);
    await clock.sleep(0, stop.soft); // drawing would let nothing else happen, a signal least of all
  };
  const encoder = new TextEncoder();
  const written: Written[] = [];
  for (const { audience, report } of reports) {
    stop.soft.throwIfAborted();
    const path = placeOf(audience);
    const page = await renderReport(report, { onDrawn });
    const file = await open(path);
    await file.write(encoder.encode(page.html));
    await file.finish();
    written.push({ path, mentor: audience.mentor, report, page: { ...page, html: "" } });
  }
  return written;
}

async function tell(
  { out }: CommandContext,
  facts: ReportFacts,
  written: readonly Written[],
  { out: place, json, say }: ReportOptions & { readonly say: (text: string) => void },
): Promise<void> {
  const { asked, unmentored, keyOf } = facts;
  if (json) {
    const files = written.map((one) => fileJson(one, keyOf));
    const { source, identified, at } = asked;
    return out.writeJson(commandJson("report", { at: at.day, source, identified, unmentored, files }));
  }
  if (asked.perMentor) {
    say(`Wrote ${counted(written.length, "report")} as of ${asked.at.day} into ${place}`);
    if (written.length > 0) {
      await out.table(
        ["mentor", "file", "gone quiet", "struggling", "size"],
        written.map(({ path, mentor, report: { quiet, struggling }, page }) => [
          mentor === null ? null : keyOf(mentor),
          basename(path),
          peopleIn(quiet),
          peopleIn(struggling),
          sizeOf(page),
        ]),
      );
    }
    if (unmentored > 0) {
      say(
        `${counted(unmentored, "student")} on a list, and in no report: no mentor has them (--out FILE has all)`,
      );
    }
  } else {
    for (const { path, report: { quiet, struggling, others }, page } of written) {
      const more = others.length === 0 ? "" : `, ${peopleIn(others)} on no list`;
      say(
        `Wrote ${path} as of ${asked.at.day}: ${counted(peopleIn(quiet), "student")} gone quiet, ` +
          `${peopleIn(struggling)} here but struggling${more} (${sizeOf(page)})`,
      );
    }
  }
  for (const { path, page: { unlisted, undrawn } } of written.filter(({ page }) => page.unlisted + page.undrawn > 0)) {
    say(
      `${path} is full: ${unlisted} not listed, ${undrawn} without plots; --course, --mentor or a folder make smaller ones`,
    );
  }
}

const sizeOf = ({ bytes }: RenderedReport) =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

const fileJson = ({ path, mentor, report, page }: Written, keyOf: ReportFacts["keyOf"]) => ({
  file: path,
  mentor_id: mentor === null ? null : jsonId(keyOf(mentor)),
  quiet: report.quiet.length,
  struggling: report.struggling.length,
  others: report.others.length,
  unlisted: page.unlisted,
  undrawn: page.undrawn,
  bytes: page.bytes,
});
