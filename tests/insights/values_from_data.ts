import type { Values } from "../../lib/insights/score.ts";
import { NAVIGATION } from "../support/replay/oulad_term.ts";
import type { OuladModule } from "../support/replay/read_oulad.ts";

/** The seven values of everybody enrolled on a day, from the data alone: what the state's SQL must come to by another way. */
export function valuesFromData(data: OuladModule, day: number): Map<number, Values> {
  const members = data.students.filter((student) => {
    const { day: joined = null, left = null } = data.registrations.get(student) ?? {};
    return (joined ?? -Infinity) <= day && (left ?? Infinity) > day;
  });
  const types = new Map(data.sites.map(({ id, activityType }) => [id, activityType]));
  const touches = Map.groupBy(
    data.visits.filter(({ site, firstDay }) => firstDay <= day && !NAVIGATION.has(types.get(site) ?? "homepage")),
    ({ student }) => student,
  );
  const handedIn = Map.groupBy(data.submissions.filter((s) => s.day <= day), ({ student }) => student);
  const dueDay = new Map(data.assessments.map(({ id, type, day }) => [id, type === "Exam" ? null : day]));
  const done = new Set(data.carriedOver.map(({ student, assessment }) => `${student}/${assessment}`));
  const subs = (student: number) => handedIn.get(student) ?? [];
  const days = new Map(members.map((student) => [
    student,
    new Set([...(touches.get(student) ?? []).map((t) => t.firstDay), ...subs(student).map((s) => s.day)]),
  ]));
  const active = percentiles(
    new Map(members.map((s) => [s, [...days.get(s) ?? []].filter((d) => d > day - 28).length])),
  );
  const breadth = percentiles(new Map(members.map((s) => [s, touches.get(s)?.length ?? 0])));
  const submitted = percentiles(new Map(members.map((s) => [s, subs(s).length])));
  const marks = new Map(data.assessments.map(({ id }) => {
    const scores = members.flatMap((s): [number, number][] => {
      const score = subs(s).find(({ assessment }) => assessment === id)?.score ?? null;
      return score === null ? [] : [[s, score]];
    });
    return [id, scores.length < 10 ? new Map<number, number>() : percentiles(new Map(scores))];
  }));

  return new Map(members.map((student) => {
    const last = Math.max(...days.get(student) ?? []);
    const joined = data.registrations.get(student)?.day ?? -Infinity;
    const idle = Number.isFinite(last) ? day - last : day - joined;
    const due = [...dueDay].filter(([id, due]) =>
      due !== null && due <= day && due >= joined && !done.has(`${student}/${id}`)
    );
    const missed = due.filter(([id]) => !subs(student).some(({ assessment }) => assessment === id));
    const recent = [...subs(student)].sort((a, b) => a.day - b.day || a.assessment - b.assessment)
      .flatMap(({ assessment }) => marks.get(assessment)?.get(student) ?? []).slice(-3);
    const margins = subs(student).flatMap(({ assessment, day }) => {
      const due = dueDay.get(assessment) ?? null;
      return due === null ? [] : [Math.max(-14, Math.min(14, due - day)) / 14];
    });
    return [student, {
      idle: Math.log2(1 + Math.min(28, idle)),
      p_active: active.get(student) ?? NaN,
      p_breadth: breadth.get(student) ?? NaN,
      miss_rate: due.length === 0 ? 0 : missed.length / due.length,
      p_sub: submitted.get(student) ?? NaN,
      p_score: mean(recent) ?? 0.5,
      margin: mean(margins) ?? 0,
    }];
  }));
}

const mean = (list: readonly number[]) => list.length === 0 ? null : list.reduce((a, b) => a + b) / list.length;

function percentiles(of: ReadonlyMap<number, number>): Map<number, number> {
  const all = [...of.values()];
  return new Map([...of].map(([key, value]) => {
    const below = all.filter((other) => other < value).length, equal = all.filter((other) => other === value).length;
    return [key, (below + (equal + 1) / 2 - 0.5) / all.length];
  }));
}
