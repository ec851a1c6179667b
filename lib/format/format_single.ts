import type { FormatContext, FormattedMessage, ToldEvent } from "../model/told_event.ts";
import { codePoints, escapeText, TITLE_LENGTH } from "./escape_text.ts";
import { markedLink } from "./marked_link.ts";
import {
  alsoToldText,
  answersText,
  attemptText,
  correctionOf,
  groupFacts,
  happenedText,
  isFresh,
  lateText,
  movedResult,
  placeText,
  plainGroup,
  resultText,
  studentText,
  timeTakenText,
  titleClean,
  titleText,
  toldBefore,
  watchedText,
} from "./phrases.ts";
import { durationText, listOf, percentText } from "./wording.ts";

/** What a phone shows of a push; a long title gives way so that the result is still in it. */
const PUSH_LENGTH = 80;
const SHORTEST_TITLE = 24;

/** One event as one message: a first line that stands alone, then numbers, then where it was. */
export function formatSingle(event: ToldEvent, ctx: FormatContext): FormattedMessage {
  const link = markedLink(event, ctx.links);
  const headed = headLine(event, ctx);
  const place = placeText(event);
  const lines = [
    `${headed.line}${lateText(ctx)}`,
    factsLine(event, ctx),
    listOf(
      headed.titleIsCut && titleText(event),
      place,
      link !== null && `[${event.kind !== "content" ? "attempt" : "open"}](${link})`,
      alsoToldText(event.alsoTold, 5),
    ),
    link === null ? `\`ref ${event.ref}\`` : "",
  ];
  return { content: lines.filter((line) => line !== "").join("\n"), told: [0], kind: "single" };
}

/** `🎓 **Student 17** just passed **Rank Test 12**: 148/180 (82%)`; as an entry of a digest with the whole title. */
export function headLine(
  event: ToldEvent,
  ctx: FormatContext,
  use: "push" | "entry" = "push",
): { readonly line: string; readonly titleIsCut: boolean } {
  const correction = correctionOf(event);
  const group = plainGroup(event);
  const student = studentText(event);
  const { sign, verb } = groupFacts(correction === null ? group : "corrected");
  let deed: string;
  let outcome: string;
  if (correction === null) {
    deed = `${isFresh(event, ctx) && event.revision === 1 ? "just " : ""}${verb}`;
    outcome = outcomeText(event);
  } else {
    const changed = event.change === "verdict";
    deed = group === "graded" || group === "exam_completed"
      ? "has a new result in"
      : changed
      ? `now **${groupFacts(group).verb}**`
      : `still **${groupFacts(group).verb}**`;
    const told = toldBefore(event, ctx);
    outcome = `${movedResult(correction, event.metadata) ?? ""}${told === null ? "" : ` (${told})`}`.trim();
  }
  // The push shows rendered text: measure without markup and escapes, and only up to the result's own end.
  const result = outcome.split(" (")[0] ?? "";
  const fixed = codePoints(rendered(`${sign} ${student} ${deed} : ${result}`));
  const room = use === "entry" ? TITLE_LENGTH : Math.max(SHORTEST_TITLE, PUSH_LENGTH - fixed);
  const title = titleText(event, room);
  return {
    line: `${sign} **${student}** ${deed} **${title}**${outcome === "" ? "" : `: ${outcome}`}`,
    titleIsCut: codePoints(titleClean(event)) > room,
  };
}

function rendered(markdown: string): string {
  return markdown.replaceAll("**", "").replace(/&#\d+;/g, ".");
}

/** What follows the colon of a first report. */
export function outcomeText(event: ToldEvent): string {
  const { metadata } = event;
  switch (plainGroup(event)) {
    case "exam_completed":
      return "result not out yet";
    case "exam_failed":
    case "exam_passed":
    case "graded":
      return resultText(metadata) ?? "";
    case "content_watched":
      return metadata.watched_percentage === null ? "" : `${watchedText(metadata)} of it`;
    default:
      return "";
  }
}

function factsLine(event: ToldEvent, ctx: FormatContext): string {
  const { metadata } = event;
  const group = plainGroup(event);
  const happened = happenedText(event, ctx);
  if (group === "exam_started") {
    const allowed = metadata.duration_allowed_s;
    return listOf(attemptText(event), happened, allowed !== null && allowed > 0 && `${durationText(allowed)} allowed`);
  }
  if (event.kind === "content") {
    return listOf(attemptText(event), happened, timeSpent(event), escapeText(metadata.result, 40));
  }
  const percent = correctionOf(event) === null ? null : newPercent(event);
  const answers = listOf(percent, attemptText(event), answersText(metadata), timeTakenText(metadata));
  if (event.change === "first_result") return listOf("the result is out now", answers, happened);
  const saysIt = group === "not_handed_in" || (group === "exam_completed" && event.metadata.result === null);
  const state = saysIt ? null : lmsWords(event);
  return listOf(answers, happened, state);
}

/** `now 41%, pass 40%`: the percentage that the first line of a correction leaves out. */
function newPercent(event: ToldEvent): string | null {
  const { percentage, pass_percentage: pass, score } = event.metadata;
  if (percentage === null || score === null) return null;
  return listOf(`now ${percentText(percentage, pass)}`, pass !== null && pass > 0 && `pass ${percentText(pass)}`);
}

function timeSpent(event: ToldEvent): string | null {
  const group = plainGroup(event);
  return group === "content_completed" || group === "content_watched" ? timeTakenText(event.metadata) : null;
}

/**
 * The LMS's own word for a result that is not out, when it is one that says something ("Not taken", "Withheld"). Not "Fail":
 * before the evaluation is over that is a placeholder, and a mentor would read it as the result.
 */
function lmsWords(event: ToldEvent): string | null {
  const word = event.metadata.graded === true ? null : escapeText(event.metadata.result, 40);
  return word === null || /^n&#47;a$|^na$|^null$|^none$|^(pass|fail)(ed)?$/i.test(word)
    ? null
    : `the LMS says "${word}"`;
}
