import assert from "node:assert/strict";
import { join } from "node:path";
import { pseudonyms } from "../../lib/privacy/pseudonyms.ts";
import { SOURCE } from "../tell/outbox_fixture.ts";
import { quarters } from "../insights/weeks_from_data.ts";
import { McpPlace, MENTORS, NAMES_PERSON, OWN, studentId, STUDENTS, type Writer } from "../mcp/mcp_place.ts";
import { type Browser, browserTest, type Page } from "../support/browser.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";
import { CONTRASTS, listRows, PLOTS } from "./in_page.ts";

const MARKUP = `<img src=x onerror="document.title='owned'">`;
const CLOSING = `</bdi></style></title><script>document.title="owned"</script>`;
const TURNED = "\u202eevil & \u0007 ";
const COURSE = `Physics </h2>& "more" <b>`;
/** Names of students who struggle in the place, and have events: of those who have none the state knows no name. */
const NAMES = [[34, MARKUP], [17, CLOSING], [26, TURNED]] as const;
const SHOWN = new Map<string, number>([[MARKUP, 34], [CLOSING, 17], ["\u202eevil &", 26]]);
const SMALL = { id: 42, title: "Small course", students: 5 };

interface Row {
  readonly anchor: string | null;
  readonly student: string;
  readonly course: string;
  readonly band: string;
  readonly reasons: readonly string[];
}

interface Insight {
  readonly student: number;
  readonly course: number;
  readonly list: string | null;
  readonly band: string | null;
  readonly p: number | null;
  readonly reasons: readonly string[];
}

interface Plot {
  readonly anchor: string;
  readonly title: string;
  readonly own: readonly { readonly x: number; readonly value: number }[];
  readonly bars: readonly { readonly x: number; readonly low: number; readonly high: number }[];
  readonly medians: readonly { readonly x: number; readonly value: number }[];
  readonly table: readonly (readonly string[])[];
}

browserTest("lmsmon report, as a browser shows it", async (browser, t) => {
  await using place = await McpPlace.make(writeMarkup);
  const lmsmon = LmsmonHome.at(place.folder);
  const at = ["--at", place.today.toString()];
  const insights = async (): Promise<Insight[]> =>
    JSON.parse((await lmsmon.run("insights", "--json", ...at)).out).insights;
  const report = async (...args: readonly string[]) => {
    const { code, out, err } = await lmsmon.run("report", "--out", "r.html", "--json", ...at, ...args);
    assert.equal(code, 0, err);
    return JSON.parse(out);
  };
  const file = join(place.folder, "r.html");
  await t.step("names nobody unless it is asked to, and lists whom `insights` lists", async () => {
    const said = await report();
    const html = await Deno.readTextFile(file);
    assert.doesNotMatch(html.replaceAll(/[0-9a-f]{32}|<style>[^]*<\/style>/g, ""), NAMES_PERSON);
    assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
    const page = await browser.open(file, { width: 1000 });
    const called = await pseudonyms(place.db.sql);
    const known = await insights();
    for (const list of ["quiet", "struggling"]) {
      const expected = known.filter((one) => one.list === list).sort((a, b) => (b.p ?? 0) - (a.p ?? 0));
      const rows: Row[] = await page.run(listRows(list));
      assert.equal(said.files[0][list], expected.length);
      assert.ok(expected.length > 0, list);
      assert.deepEqual(
        byStudent(rows),
        byStudent(expected.map(({ student, band, reasons }) => ({
          student: called("student", SOURCE, String(student)),
          band,
          reasons,
        }))),
      );
      assert.equal(rows[0]?.reasons.join(), expected[0]?.reasons.join(), "the most urgent first");
      assert.ok(rows.every(({ anchor }) => anchor !== null));
    }
    const text = await page.run("document.body.innerText");
    assert.match(text, /fairness was not measured; that being named helps anybody has not been shown/);
    assert.match(text, /A day has activity when a content is begun, or an exam is handed in/); // as sql/state/course_day.ts counts
  });
  await t.step("shows markup of the LMS as text, asks for nothing, runs nothing", async () => {
    await report("--identified");
    const from = browser.heard().length;
    const page = await browser.open(file, { width: 1000 });
    const rows: Row[] = [...await page.run(listRows("quiet")), ...await page.run(listRows("struggling"))];
    const names = rows.map(({ student }) => student);
    for (const name of SHOWN.keys()) assert.ok(names.includes(name), names.join("\n"));
    assert.ok(rows.every(({ course }) => course === COURSE));
    assert.deepEqual(await page.run(`document.querySelectorAll("img, script, iframe, link, b").length`), 3); // <b>: howToRead
    assert.match(await page.run("document.title"), /^lmsmon report, \d{4}-\d\d-\d\d$/);
    await nothingElse(browser, from);
  });
  await t.step("what is drawn is what stands in the table, and what the LMS holds", async () => {
    await report("--identified");
    await drawnIsTrue(await browser.open(file, { width: 1000 }), place.today);
  });
  await t.step("fits 320 px, and every text and line stands out on either ground and on paper", async () => {
    const page = await browser.open(file, { width: 320 });
    await fitsAndStandsOut(page);
  });
  await t.step("a file a mentor, of the own students alone", () => aFileAMentor(place, lmsmon, browser));
  await t.step("students asked for by name, also of a course that is too small", () => byName(lmsmon, file, browser));
  await t.step("who was erased is in no report", () => erased(place, lmsmon, file));
  await t.step("what is wrong is said, with what was meant", () => wrongInput(lmsmon, place.folder));
});

async function writeMarkup(writer: Writer): Promise<void> {
  for (const [i, display_name] of NAMES) await writer.update("students", studentId(i), { display_name });
  await writer.update("courses", 41, { title: COURSE });
  const course = await writer.course({ id: SMALL.id, title: SMALL.title });
  const chapter = await writer.chapter({ course_id: course });
  const exam = await writer.exam({ title: "Small test" });
  await writer.inChapter(await writer.content({ course_id: course, content_type: "Exam", examId: exam }), chapter);
  const at = `${Temporal.Now.plainDateISO("UTC").subtract({ days: 3 })} 09:00:00`;
  await writer.insert(
    "attempts",
    Array.from({ length: SMALL.students }, (_, i) => ({
      id: 900_000 + i,
      exam_id: exam,
      user_id: studentId(10 + i),
      date: at,
      last_started_time: at,
      last_answer_updated_time: at,
      state: "Completed",
      result: "Pass",
      score: 60 + i,
      percentage: 60 + i,
    })),
  );
}

const byStudent = (
  rows: readonly (Pick<Insight, "reasons" | "band"> & { readonly student: string })[] | readonly Row[],
) => Object.fromEntries(rows.map(({ student, band, reasons }) => [student, { band, reasons: [...reasons] }]));

/** Since then the page asked for nothing but itself, and neither it nor the browser had anything to complain of. */
async function nothingElse(browser: Browser, from: number): Promise<void> {
  const heard = browser.heard(from);
  const urls = heard.filter(({ method }) => method === "Network.requestWillBeSent").map(({ params }) =>
    params.request.url
  );
  assert.deepEqual(urls.filter((url: string) => !/^file:\/\/.*\/r\.html$/.test(url)), []);
  assert.equal(urls.length, 1);
  const loud = heard.filter(({ method }) =>
    ["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"].includes(method)
  );
  assert.deepEqual(loud.map(({ params }) => params.entry?.text ?? params), []);
  await Promise.resolve();
}

async function drawnIsTrue(page: Page, today: Temporal.PlainDate): Promise<void> {
  const rows: Row[] = [...await page.run(listRows("quiet")), ...await page.run(listRows("struggling"))];
  const plots: Plot[] = await page.run(PLOTS);
  assert.equal(plots.length, rows.length * 2);
  const expected = expectedWeeks(today);
  const close = (a: number, text: string | undefined) =>
    assert.ok(Math.abs(a - Number(text)) <= 0.051, `${a} is not ${text}`);
  let marks = 0;
  for (const { anchor, title, own, bars, medians, table } of plots) {
    const name = rows.find((row) => row.anchor === anchor)?.student ?? "";
    const index = SHOWN.get(name) ?? Number(/^(?:Xylander |student 7700)(\d+)$/.exec(name)?.[1]);
    const weeks = expected.of(index, title.startsWith("Days") ? "days" : "marks");
    assert.deepEqual(table.map(([week]) => week?.replace(", so far", "")), expected.mondays.map(({ label }) => label));
    // the student: table, plot and LMS
    assert.deepEqual(table.map(([, cell]) => cell), weeks.own.map((value) => value === null ? "–" : short(value)));
    const said = weeks.own.filter((value) => value !== null);
    assert.equal(own.length, said.length);
    own.forEach(({ value }, i) => assert.ok(Math.abs(value - (said[i] ?? NaN)) < 1e-3));
    marks += title.startsWith("Average") ? said.length : 0;
    // the course
    const spreads = weeks.course.flatMap((spread) => spread === null ? [] : [spread]);
    assert.deepEqual([bars.length, medians.length], [spreads.length, spreads.length]);
    spreads.forEach(([low, mid, high], i) => {
      assert.ok(Math.abs((bars[i]?.low ?? NaN) - low) < 1e-3 && Math.abs((bars[i]?.high ?? NaN) - high) < 1e-3);
      assert.ok(Math.abs((medians[i]?.value ?? NaN) - mid) < 1e-3);
    });
    const withBand = table.filter((cells) => cells[2] !== "–");
    withBand.forEach((cells, i) => {
      close(spreads[i]?.[1] ?? NaN, cells[2]);
      const [low, high = low] = (cells[3] ?? "").split(" to ");
      close(spreads[i]?.[0] ?? NaN, low);
      close(spreads[i]?.[2] ?? NaN, high);
    });
    assert.deepEqual(table.map((cells) => cells[2] !== "–"), weeks.course.map((spread) => spread !== null));
    const steps = own.slice(1).map(({ x }, i) => x - (own[i]?.x ?? 0));
    assert.ok(steps.every((step) => step > 0), "dots go from left to right");
  }
  assert.ok(marks > 0, "somebody with marks is drawn");
}

const short = (n: number) => String(Number(n.toFixed(1)));

/** What the place wrote into its LMS (mcp_place.ts), counted by week here. */
function expectedWeeks(today: Temporal.PlainDate) {
  const mondayOf = (day: Temporal.PlainDate) => day.subtract({ days: day.dayOfWeek - 1 });
  const dayOf = (week: number) => today.subtract({ days: (6 - week) * 7 - 3 });
  const markOf = (i: number, week: number) => 30 + (i * 7 + week) % 60;
  const quiet = [1, 2, 30];
  const first = mondayOf(dayOf(0));
  const count = Math.round(first.until(mondayOf(today)).total({ unit: "days" }) / 7) + 1;
  const mondays = Array.from({ length: count }, (_, i) => first.add({ days: 7 * i }));
  const tests = mondays.map((monday) => [0, 1, 2, 3, 4, 5].filter((week) => mondayOf(dayOf(week)).equals(monday)));
  const mean = (list: readonly number[]) =>
    list.length === 0 ? null : list.reduce((sum, n) => sum + n, 0) / list.length;
  const own = (i: number, shown: "days" | "marks") =>
    tests.map((weeks) =>
      shown === "days"
        ? (quiet.includes(i) ? 0 : weeks.length)
        : quiet.includes(i)
        ? null
        : mean(weeks.map((week) => markOf(i, week)))
    );
  const everybody = Array.from({ length: STUDENTS }, (_, i) => i + 1);
  return {
    mondays: mondays.map((monday) => ({ label: `${monday.day} ${monday.toLocaleString("en", { month: "short" })}` })),
    of: (i: number, shown: "days" | "marks") => ({
      own: own(i, shown),
      course: mondays.map((_, week) => {
        const values = everybody.flatMap((one) => own(one, shown)[week] ?? []);
        return values.length < 10 ? null : quarters(values);
      }),
    }),
  };
}

async function fitsAndStandsOut(page: Page): Promise<void> {
  for (const width of [320, 375, 768, 1280]) {
    for (const scheme of ["light", "dark"] as const) {
      await page.look({ width, scheme });
      const { texts, lines } = await page.run(CONTRASTS); // opens all tables
      const [worst] = texts;
      assert.ok(texts.length > 100 && worst.ratio >= 4.5, `${scheme} ${JSON.stringify(worst)}`);
      for (const [name, ratio] of Object.entries(lines)) assert.ok(Number(ratio) >= 3, `${scheme} ${name} ${ratio}`);
      const over = await page.run(
        `[...document.querySelectorAll("body *")].filter((one) => !one.matches(".cards thead *") && one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.outerHTML.slice(0, 80))`,
      );
      assert.deepEqual(over, [], `${width} ${scheme}`);
      assert.ok(await page.run("document.documentElement.scrollWidth <= innerWidth"), `${width} ${scheme}`);
    }
  }
  const ground = () => page.run("getComputedStyle(document.body).backgroundColor");
  await page.look({ width: 800, scheme: "dark" });
  assert.equal(await ground(), "rgb(21, 23, 27)");
  await page.look({ width: 800, scheme: "dark", media: "print" });
  assert.equal(await ground(), "rgb(255, 255, 255)");
  assert.equal(
    await page.run(`[...document.querySelectorAll("summary")].filter((one) => one.checkVisibility()).length`),
    0,
  );
}

async function aFileAMentor(place: McpPlace, lmsmon: LmsmonHome, browser: Browser): Promise<void> {
  const { code, out, err } = await lmsmon.run("report", "--out", "pages/", "--identified", "--json");
  assert.equal(code, 0, err);
  const { files, unmentored } = JSON.parse(out);
  assert.deepEqual(files.map(({ mentor_id }: { mentor_id: number }) => mentor_id), [...MENTORS]);
  assert.equal(unmentored, 0);
  assert.equal(((await Deno.stat(join(place.folder, "pages"))).mode ?? 0) & 0o777, 0o700);
  for (const { file, mentor_id, bytes } of files) {
    const stat = await Deno.stat(file);
    assert.deepEqual([(stat.mode ?? 0) & 0o777, stat.size], [0o600, bytes]);
    const html = await Deno.readTextFile(file);
    const ids = new Set([...html.matchAll(/7700\d\d/g)].map(([id]) => Number(id)));
    assert.ok(ids.size > 0 && [...ids].every((id) => OWN.includes(id) === (mentor_id === MENTORS[0])), [...ids].join());
  }
  const own = await browser.open(files[0].file, { width: 1000 });
  assert.match(await own.run("document.body.innerText"), /Students of Mentor Xylander 0 \(880001\) in testpress/);
  // Fewer than 30 handed in on a week: what they had in common would point at some of them.
  const plots: Plot[] = await own.run(PLOTS);
  assert.ok(plots.length > 0 && plots.some(({ title, bars }) => title.startsWith("Days") && bars.length > 0));
  const again = await lmsmon.run("report", "--out", "pages", "--mentor", "zebra-mentor1");
  assert.equal(again.code, 0, again.err);
  assert.match(again.out, /Wrote 1 report as of .* into .*pages\n/);
  const names = [...Deno.readDirSync(join(place.folder, "pages"))].map(({ name }) => name).sort();
  assert.equal(names.length, 3);
  assert.ok(names.every((name) => /^mentor-(88000[12]|[0-9a-f]{32})\.html$/.test(name)), names.join());
}

async function byName(lmsmon: LmsmonHome, file: string, browser: Browser): Promise<void> {
  const { code, err } = await lmsmon.run(
    "report",
    "--out",
    "r.html",
    "--identified",
    "--students",
    `zebra10, ${studentId(1)}`,
  );
  assert.equal(code, 0, err);
  const page = await browser.open(file, { width: 1000 });
  const others: Row[] = await page.run(listRows("others"));
  const small = others.find(({ course }) => course === SMALL.title);
  assert.deepEqual([small?.student, small?.band], ["Xylander 10", "none"]);
  assert.match(small?.reasons.join() ?? "", /too few students in the course for a score: 5/);
  const plots: Plot[] = (await page.run(PLOTS)).filter(({ anchor }: Plot) => anchor === small?.anchor);
  assert.deepEqual(plots.map(({ own, bars }) => [own.length, bars.length]), [[plots[0]?.table.length, 0], [1, 0]]);
  const medians: string[] = await page.run(
    `[...document.querySelectorAll("#${small?.anchor} > details tbody td")].map((cell) => cell.textContent)`,
  );
  assert.ok(medians.length > 0 && medians.every((text) => text === "not said: the course is small"), medians.join());
}

async function erased(place: McpPlace, lmsmon: LmsmonHome, file: string): Promise<void> {
  const gone = studentId(SHOWN.get(MARKUP) ?? 0);
  const pseudonym = (await pseudonyms(place.db.sql))("student", SOURCE, String(gone));
  const pages = async () => {
    const texts: string[] = [];
    for (const flags of [[], ["--identified"]]) {
      const { code, err } = await lmsmon.run("report", "--out", "r.html", ...flags);
      assert.equal(code, 0, err);
      texts.push(await Deno.readTextFile(file));
    }
    return texts.join("");
  };
  const traces = [pseudonym, String(gone), "onerror"];
  const before = await pages();
  assert.ok(traces.every((trace) => before.includes(trace)));
  const erase = await lmsmon.run("privacy", "erase", String(gone), "--reason-code", "gdpr", "--yes");
  assert.equal(erase.code, 0, erase.err);
  const after = await pages();
  assert.deepEqual(traces.filter((trace) => after.includes(trace)), []);
}

async function wrongInput(lmsmon: LmsmonHome, folder: string): Promise<void> {
  await Deno.writeTextFile(join(folder, "taken"), "");
  const wrong: readonly [args: readonly string[], code: number, says: RegExp][] = [
    [[], 2, /required option '--out <PLACE>' not specified/],
    [["--out", ""], 2, /must not be empty/],
    [["--out", "x.html", "--students", " , "], 2, /must name a student/],
    [["--out", "x.html", "--students", "zebra3", "--mentor", "1"], 2, /cannot be used with option/],
    [["--out", "x.html", "--at", "2999-01-01"], 2, /to come/],
    [["--out", "x.html", "--at", "20.11.2026"], 2, /is no date/],
    [["--out", "x.html", "--at", "2001-01-01"], 1, /first event of "testpress" is of a later day/],
    [
      ["--out", "x.html", "--students", "zebra33,zebra99"],
      1,
      /Cannot find student of that username in testpress\nhint: Did you mean student/,
    ],
    [["--out", "x.html", "--mentor", "zebra-mentor7"], 1, /Cannot find mentor of that username/],
    [["--out", "x.html", "--course", "Smal course"], 1, /did you mean .*Small course/],
    [["--out", "nowhere/x.html"], 1, /Cannot write .*nowhere\/x\.html: the folder does not exist/],
    [["--out", "taken/"], 1, /Cannot make the folder .*taken/],
    [["--out", "taken/x.html"], 1, /Cannot write .*taken\/x\.html: a part of its path is no folder/],
  ];
  for (const [args, code, says] of wrong) {
    const ended = await lmsmon.run("report", ...args);
    assert.deepEqual([ended.code, ended.out], [code, ""], `${args.join(" ")}: ${ended.err}`);
    assert.match(ended.err, says, args.join(" "));
  }
  const left = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => /x\.html/.test(name));
  assert.deepEqual(left, [], "nothing is left of a report that failed");
  const small = await lmsmon.run("report", "--out", "r.html", "--course", "small course");
  assert.deepEqual([small.code, small.err], [0, ""]);
  assert.match(small.out, /0 students gone quiet, 0 here but struggling/);
  assert.match(await Deno.readTextFile(join(folder, "r.html")), /5 students are too few for a score: 30 are needed/);
}
