import type { OfStudents } from "../context_preset.ts";

/*
 * Students for whom the date of a quiz or an assignment is another: an override of theirs or of a group of theirs, or an extension.
 * When it is over for them is not looked at: whoever has one is never said to be late, or to have missed that date.
 */

const CM =
  `join {P}course_modules cm on cm.module = (select m.id from {P}modules m where m.name = 'assign') and cm.instance =`;

/** Each in the tables that it needs; `w` has the student. An override that says nothing of the date has NULL there, "no date" is 0. */
const SOURCES: readonly { readonly needs: readonly (readonly [string, string])[]; readonly select: string }[] = [
  {
    needs: [["quiz_overrides", "timeclose"]],
    select: `
select w.userid as student_id, 'exam' as kind, w.quiz as activity_id
  from {P}quiz_overrides w where w.timeclose is not null and {students}`,
  },
  {
    needs: [["quiz_overrides", "timeclose"], ["groups_members", "userid"]],
    select: `
select w.userid as student_id, 'exam' as kind, o.quiz as activity_id
  from {P}groups_members w join {P}quiz_overrides o on o.groupid = w.groupid and o.timeclose is not null where {students}`,
  },
];

const OF_ASSIGNMENTS: typeof SOURCES = [
  {
    needs: [["assign_overrides", "duedate"]],
    select: `
select w.userid as student_id, 'assignment' as kind, cm.id as activity_id
  from {P}assign_overrides w ${CM} w.assignid where w.duedate is not null and {students}`,
  },
  {
    needs: [["assign_overrides", "duedate"], ["groups_members", "userid"]],
    select: `
select w.userid as student_id, 'assignment' as kind, cm.id as activity_id
  from {P}groups_members w join {P}assign_overrides o on o.groupid = w.groupid and o.duedate is not null
  ${CM} o.assignid where {students}`,
  },
  {
    needs: [["assign_user_flags", "extensionduedate"]],
    select: `
select w.userid as student_id, 'assignment' as kind, cm.id as activity_id
  from {P}assign_user_flags w ${CM} w.assignment where w.extensionduedate > 0 and {students}`,
  },
];

/** By those of the tables that there are; `null` where there is none. */
export function exemptions(has: (table: string, column?: string) => boolean, assignments: boolean): OfStudents | null {
  const found = [...SOURCES, ...(assignments ? OF_ASSIGNMENTS : [])]
    .filter(({ needs }) => needs.every(([table, column]) => has(table, column)));
  return found.length === 0
    ? null
    : { from: found.map(({ select }) => select).join("\nunion all"), student: "w.userid" };
}
