import type { FormatContext, ToldEvent } from "../model/told_event.ts";
import { activityKey, type DigestBlock } from "./digest_plan.ts";
import { type Group, groupFacts, GROUPS, lateText, studentText, titleText } from "./phrases.ts";
import { count } from "./wording.ts";

/** Titles and names in a head line: it has to fit a phone's push. */
const HEAD_TITLE = 40;
const HEAD_NAME = 30;

/** The first line of a digest. `saysAll`: it already names the one exam or content and what happened. */
export function digestHead(
  blocks: readonly DigestBlock[],
  ctx: FormatContext,
  part: string | null,
): { readonly line: string; readonly saysAll: boolean } {
  const byGroup = GROUPS.flatMap((group) => {
    const events = blocks.filter((block) => block.group === group)
      .flatMap((block) => block.items.map((item) => item.event));
    return events.length === 0 ? [] : [{ group, events }];
  });
  const end = `${part === null ? "" : ` (${part})`}${lateText(ctx)}`;
  const [only] = byGroup;
  if (byGroup.length === 1 && only !== undefined) {
    const activities = new Set(only.events.map(activityKey));
    return { line: `${sentence(only.group, only.events)}${end}`, saysAll: activities.size === 1 };
  }
  const events = byGroup.flatMap((entry) => entry.events);
  const subject = oneStudent(events);
  const total = count(events.length, "update");
  const start = subject === null ? `📋 **${total}**` : `📋 **${subject}**: ${total}`;
  const counts = byGroup.map(({ group, events: some }, i) =>
    i === 0 ? foremost(group, some, subject !== null) : groupFacts(group).counted(some.length)
  );
  return { line: `${start}, ${counts.join(", ")}${end}`, saysAll: false };
}

/** `4 failed **Rank Test 12**`, `**Student 4** failed **Rank Test 12**`: the first group is told with what it is about. */
function foremost(group: Group, events: readonly ToldEvent[], studentIsNamed: boolean): string {
  const title = oneTitle(events);
  if (title === null || group === "corrected" || group === "overtaken") return groupFacts(group).counted(events.length);
  const [first] = events;
  const who = events.length > 1 || first === undefined
    ? `${events.length} `
    : studentIsNamed
    ? ""
    : `**${studentText(first, HEAD_NAME)}** `;
  return `${who}${groupFacts(group).verb} **${title}**`;
}

/** `🎬 **5 students** watched **Waves 1**`, `❗ **Student 4** failed **3 exams**`. */
function sentence(group: Group, events: readonly ToldEvent[]): string {
  const { sign, verb, noun } = groupFacts(group);
  const students = new Set(events.map(studentKey)).size;
  const activities = new Set(events.map(activityKey)).size;
  const subject = oneStudent(events) ?? count(students, "student");
  if (group === "corrected") {
    const title = oneTitle(events);
    return `${sign} **${count(events.length, "corrected result")}**${title === null ? "" : ` in **${title}**`}`;
  }
  if (group === "overtaken") return `${sign} **${count(events.length, "earlier report")}**`;
  const object = oneTitle(events) ?? count(activities, ...noun);
  const times = students === 1 && activities === 1 && events.length > 1 ? ` ${events.length} times` : "";
  const outcome = group !== "exam_completed"
    ? ""
    : events.length === 1
    ? ": result not out yet"
    : ": results not out yet";
  return `${sign} **${subject}** ${verb} **${object}**${times}${outcome}`;
}

const studentKey = (event: ToldEvent) => `${event.source}\n${event.student.id ?? studentText(event)}`;

function oneStudent(events: readonly ToldEvent[]): string | null {
  const [first] = events;
  if (first === undefined || events.some((event) => studentKey(event) !== studentKey(first))) return null;
  return studentText(first, HEAD_NAME);
}

function oneTitle(events: readonly ToldEvent[]): string | null {
  const [first] = events;
  if (first === undefined || events.some((event) => activityKey(event) !== activityKey(first))) return null;
  return titleText(first, HEAD_TITLE);
}
