import type { Kind } from "../model/event_types.ts";
import type { LmsSource } from "../source/lms_source.ts";

/** How news of a kind are found. */
export function findsNew(source: Pick<LmsSource, "keySpace" | "newsBy">, kind: Kind): string {
  if (source.keySpace(kind).ascending) return "in every poll";
  const hint = source.newsBy?.(kind) ?? null;
  return hint === null
    ? "by the full pass: their keys do not ascend, and nothing hints at them"
    : `in every poll by ${hint}, a hint, and by the full pass whatever it says`;
}
