import { distance } from "fastest-levenshtein";

export type KeyPath = readonly (string | number)[];

/** One thing wrong with the configuration. `message` never quotes a secret. */
export interface Problem {
  readonly path: KeyPath;
  readonly message: string;
  /** Point at the key rather than at its value. */
  readonly atKey?: boolean;
}

/** `poll.event_types[2]`. */
export function pathText(path: KeyPath): string {
  return path.reduce<string>(
    (text, part) => typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`,
    "",
  );
}

/** ` (did you mean "interval"?)`, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  let best: string | null = null;
  let least = Math.max(1, Math.floor(Math.min(word.length, 40) / 3)) + 1;
  for (const candidate of candidates) {
    const [a, b] = [word.toLowerCase(), candidate.toLowerCase()];
    // "attempt" for "attempt_id": what was left out at the end counts as one slip.
    const d = a.length > 3 && b.startsWith(a) ? Math.min(1, b.length - a.length) : distance(a, b);
    if (d < least) [best, least] = [candidate, d];
  }
  return best === null ? "" : ` (did you mean "${best}"?)`;
}
