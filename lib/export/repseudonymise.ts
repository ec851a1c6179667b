import { rekeyed } from "../model/pseudonym.ts";
import type { ExportLine } from "./line_schemas.ts";

/** Makes pseudonyms under another key of those in a line; each is computed once as long as it is remembered. */
export function repseudonymiser(key: Uint8Array): (line: ExportLine) => ExportLine {
  const people = new Map<string, string>();
  const person = (pseudonym: string) => {
    const known = people.get(pseudonym);
    if (known !== undefined) return known;
    if (people.size > 100_000) people.clear();
    const made = rekeyed(pseudonym, key);
    people.set(pseudonym, made);
    return made;
  };
  return (line) => {
    if ("kind" in line) return { ...line, pseudonym: person(line.pseudonym) };
    if (!("activity" in line)) return { ...line, student: { ...line.student, id: person(line.student.id) } };
    const { id } = line.student;
    const student = { ...line.student, id: id === null ? null : person(id) };
    return {
      ...line,
      student,
      mentors: line.mentors.map((mentor) => ({ ...mentor, id: person(mentor.id) })),
      activity: { ...line.activity, attempt_id: rekeyed(line.activity.attempt_id, key) },
    };
  };
}
