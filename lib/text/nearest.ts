import { distance } from "fastest-levenshtein";

const SHOWN = 3;

/** The ids of the candidates whose text is most like `text`, at most half of it wrong; nearest first. */
export function nearest(
  text: string,
  candidates: readonly { readonly id: string; readonly text: string }[],
): string[] {
  const most = Math.max(1, Math.floor(text.length / 2));
  const ranked = candidates.map(({ id, text: candidate }) => ({ id, far: distance(text, candidate) }))
    .filter(({ far }) => far <= most)
    .toSorted((a, b) => a.far - b.far);
  return [...new Set(ranked.map(({ id }) => id))].slice(0, SHOWN);
}
