import type { FormatContext, FormattedMessage, ToldEvent } from "../model/told_event.ts";
import { blockHead, type DigestBlock, type DigestItem, hasOwnLines, itemCost, planDigest } from "./digest_plan.ts";
import { codePoints } from "./escape_text.ts";
import { digestHead } from "./digest_head.ts";
import { alsoToldText } from "./phrases.ts";

/** Zulip cuts at 10,000 code points without a word; the head and the last lines take what is left. */
const BODY_LENGTH = 7500;
/** Also a message of nothing but short lines stays readable. */
const MOST_EVENTS = 150;

/** Many events as few messages: failures first, one line for those who passed the same exam, split by whole events. */
export function formatDigest(events: readonly ToldEvent[], ctx: FormatContext): FormattedMessage[] {
  const parts = split(planDigest(events, ctx));
  return parts.map((blocks, part) => {
    const items = blocks.flatMap((block) => block.items);
    const refs = items.flatMap((item) => item.ref === null ? [] : [item.ref]);
    const head = digestHead(blocks, ctx, parts.length > 1 ? `part ${part + 1} of ${parts.length}` : null);
    const lines = blocks.flatMap((block) => blockLines(block, head.saysAll));
    const others = sharedOthers(items.map((item) => item.event));
    const content = [
      head.line,
      "",
      ...lines,
      ...(others === null && refs.length === 0 ? [] : [""]),
      ...(others === null ? [] : [others]),
      ...(refs.length === 0 ? [] : [`\`ref ${refs.join(" ")}\``]),
    ].join("\n");
    return { content, told: items.map((item) => item.index), kind: "digest" as const };
  });
}

/** Names of other mentors, when all events of the message went to the same ones. */
function sharedOthers(events: readonly ToldEvent[]): string | null {
  const names = events[0]?.alsoTold ?? [];
  const same = events.every((event) =>
    event.alsoTold.length === names.length && event.alsoTold.every((name, i) => name === names[i])
  );
  const text = same ? alsoToldText(names, 3) : null;
  return text === null ? null : `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function blockLines(block: DigestBlock, headSaysAll: boolean): string[] {
  if (block.label === null) return block.items.map((item) => `- ${item.text}`);
  if (hasOwnLines(block)) {
    // Corrections name their exam themselves; failures of one exam stand under it.
    if (block.group !== "exam_failed" || headSaysAll) return block.items.map((item) => `- ${item.text}`);
    return [`- ${blockHead(block, block.items.length)}:`, ...block.items.map((item) => `  - ${item.text}`)];
  }
  const names = block.items.map((item) => item.text).join(", ");
  return [headSaysAll ? names : `- ${blockHead(block, block.items.length)}: ${names}`];
}

/** Cuts what is too long for one message into parts of similar length: as few as can be, and none of them a stub. */
function split(blocks: readonly DigestBlock[]): DigestBlock[][] {
  const fewest = fill(blocks, BODY_LENGTH, MOST_EVENTS);
  if (fewest.length < 2) return fewest;
  // The least share of a whole message that each part may have, to some tenths of a percent.
  let [tooLittle, enough] = [0, STEPS];
  while (enough - tooLittle > 1) {
    const share = (tooLittle + enough) >> 1;
    const parts = fill(blocks, BODY_LENGTH * share / STEPS, MOST_EVENTS);
    if (parts.length > fewest.length) tooLittle = share;
    else enough = share;
  }
  return fill(blocks, BODY_LENGTH * enough / STEPS, MOST_EVENTS);
}

const STEPS = 512;

/** Fills one message after the other; a block that does not fit goes on in the next one under its own label. */
function fill(blocks: readonly DigestBlock[], bodyLength: number, mostEvents: number): DigestBlock[][] {
  const parts: DigestBlock[][] = [];
  let part: DigestBlock[] = [];
  let length = 0;
  let size = 0;
  const close = () => {
    if (part.length > 0) parts.push(part);
    part = [];
    length = 0;
    size = 0;
  };
  for (const block of blocks) {
    let items: DigestItem[] = [];
    const headCost = block.label === null ? 0 : codePoints(blockHead(block, block.items.length)) + 6;
    const flush = () => {
      if (items.length > 0) part.push({ ...block, items });
      items = [];
    };
    for (const item of block.items) {
      const cost = itemCost(item) + (items.length === 0 ? headCost : 0);
      if (size > 0 && (length + cost > bodyLength || size >= mostEvents)) {
        flush();
        close();
        length = headCost;
      }
      items.push(item);
      length += cost;
      size++;
    }
    flush();
  }
  close();
  return parts;
}
