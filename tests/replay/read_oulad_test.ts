import assert from "node:assert/strict";
import { join } from "node:path";
import { courseDays } from "../support/insights/course_days.ts";
import { chosenCourses, readOuladModule } from "../support/replay/read_oulad.ts";

/** Two modules as the data set is published: all clicks in one file, more columns, "?" for what is not known. */
const FILES: Readonly<Record<string, string>> = {
  courses: `code_module,code_presentation,module_presentation_length
AAA,2013J,268
CCC,2014B,241`,
  assessments: `code_module,code_presentation,id_assessment,assessment_type,date,weight
AAA,2013J,1752,TMA,19,10
CCC,2014B,24286,CMA,18,2
CCC,2014B,24290,Exam,?,100`,
  vle: `id_site,code_module,code_presentation,activity_type,week_from,week_to
546614,AAA,2013J,homepage,?,?
546615,CCC,2014B,resource,?,?`,
  studentInfo: `code_module,code_presentation,id_student,gender,region,final_result
AAA,2013J,11391,M,East Anglian Region,Pass
CCC,2014B,28061,F,Scotland,Withdrawn
CCC,2014B,28062,F,Wales,Pass`,
  studentRegistration: `code_module,code_presentation,id_student,date_registration,date_unregistration
AAA,2013J,11391,-159,?
CCC,2014B,28061,12,40
CCC,2014B,28062,?,?`,
  studentAssessment: `id_assessment,id_student,date_submitted,is_banked,score
1752,11391,18,0,78
24286,28061,9,0,?
24286,99999,9,0,50
24286,28062,-1,1,60`,
  studentVle: `code_module,code_presentation,id_student,id_site,date,sum_click
AAA,2013J,11391,546614,-5,3
CCC,2014B,28061,546615,10,1
CCC,2014B,99999,546615,10,1
CCC,2014B,28061,546615,-12,2`,
};

async function published(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_oulad_" });
  for (const [name, text] of Object.entries(FILES)) {
    const quoted = text.split("\n").map((line) => `"${line.replaceAll(",", '","')}"`).join("\r\n");
    await Deno.writeTextFile(join(folder, `${name}.csv`), `${quoted}\r\n`);
  }
  return folder;
}

Deno.test("OULAD is read as it is published, too: columns by name, one file of clicks, unknown values", async () => {
  const folder = await published();
  try {
    const all = await chosenCourses(folder, null);
    assert.deepEqual(all.courses, [{ module: "AAA", presentation: "2013J" }, { module: "CCC", presentation: "2014B" }]);
    const some = await chosenCourses(folder, "CCC_2014B,BBB, AAA_2014B");
    assert.deepEqual([some.courses.length, some.missing, some.there], [
      1,
      ["BBB", "AAA 2014B"],
      "AAA 2013J, CCC 2014B",
    ]);
    const data = await readOuladModule(folder, "CCC", "2014B");
    assert.deepEqual(data.students, [28061, 28062]);
    assert.deepEqual(data.results, new Map([[28061, "Withdrawn"], [28062, "Pass"]]));
    assert.deepEqual(data.registrations, new Map([[28061, { day: 12, left: 40 }], [28062, { day: null, left: null }]]));
    assert.deepEqual(data.assessments.map(({ day }) => day), [18, null]);
    assert.deepEqual(data.submissions, [{ assessment: 24286, student: 28061, day: 9, score: null }]);
    assert.deepEqual(data.carriedOver, [{ assessment: 24286, student: 28062 }]);
    assert.deepEqual(data.visits, [{ student: 28061, site: 546615, firstDay: -12, lastDay: 10 }]);
    await Deno.writeTextFile(join(folder, "vle.csv"), "id_site,code_module\n");
    await assert.rejects(readOuladModule(folder, "CCC", "2014B"), /vle\.csv has no column code_presentation/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an LMS that fills up has no row of a student before the student, whatever the data says was done earlier", async () => {
  const folder = await published();
  try {
    const { days } = courseDays(await readOuladModule(folder, "CCC", "2014B"), 0);
    const places = [...days].sort(([a], [b]) => a - b).flatMap(([day, { rows, attemptUpdates }]) => [
      ...rows.map(({ table, row }) => ({ day, what: `${table} ${row["user_id"] ?? row["B"] ?? row["id"]}`, row })),
      ...attemptUpdates.map((row) => ({ day, what: "update", row })),
    ]);
    const of = (what: string) => places.filter((place) => place.what === what).map(({ day }) => day);
    assert.deepEqual(of("students 28061"), [12]);
    for (const table of ["_BatchToStudent", "_MentorToStudent", "attempts", "content_attempts"]) {
      assert.deepEqual(of(`${table} 28061`), [12], table);
    }
    assert.ok(of("update").every((day) => day >= 12));
    const [touch] = places.filter(({ what }) => what === "content_attempts 28061");
    assert.match(String(touch?.row["created"]), /^1969-12-20/, "its time stays that of the data");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
