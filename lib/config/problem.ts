import { distance } from "fastest-levenshtein";

export type KeyPath = readonly (string | number)[];

/** One thing wrong with the configuration. `message` never quotes a secret. */
export interface Problem {
  readonly path: KeyPath;
  readonly message: string;
  /** Point at the key rather than at its value. */
  readonly atKey?: boolean;
  /** The last part of the path is not printed, only where it is: it may be a secret in the wrong place. */
  readonly hidden?: boolean;
}

/** `poll.event_types[2]`. */
export function pathText(path: KeyPath): string {
  return path.reduce<string>(
    (text, part) => typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`,
    "",
  );
}

/** A word that is so near a known one is a slip of the finger; anything else may be a secret in the wrong place. */
export function isSlipOf(word: string, known: readonly string[]): boolean {
  const most = Math.min(3, Math.floor(word.length / 2));
  return known.some((candidate) => distance(word.toLowerCase(), candidate.toLowerCase()) <= most);
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
