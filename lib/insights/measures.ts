/** A score and what became of the student. */
export interface Judged {
  readonly score: number;
  readonly failed: boolean;
}

/** Ranks from 1, ascending; equals have their average. */
function ranks(scores: readonly number[]): number[] {
  const order = scores.map((_, i) => i).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
  const found = new Array<number>(scores.length).fill(0);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to + 1 < order.length && scores[order[to + 1] ?? 0] === scores[order[from] ?? 0]) to++;
    for (let i = from; i <= to; i++) found[order[i] ?? 0] = (from + to) / 2 + 1;
    from = to + 1;
  }
  return found;
}

/** The chance that somebody who failed scores higher than somebody who did not; `null` without one of either. */
export function auc(judged: readonly Judged[]): number | null {
  const failed = judged.filter((j) => j.failed).length;
  const passed = judged.length - failed;
  if (failed === 0 || passed === 0) return null;
  const all = ranks(judged.map(({ score }) => score));
  const sum = judged.reduce((total, j, i) => j.failed ? total + (all[i] ?? 0) : total, 0);
  return (sum - failed * (failed + 1) / 2) / (failed * passed);
}

/** Of the highest `share`, how many failed; of equals those come first that come first in the list. */
export function precisionAt(judged: readonly Judged[], share: number): number | null {
  const wanted = Math.round(judged.length * share);
  if (wanted === 0) return null;
  const highest = [...judged].sort((a, b) => b.score - a.score).slice(0, wanted);
  return highest.filter((j) => j.failed).length / wanted;
}

/** Of those who failed, how many had a chance of at least `threshold`. Scores are chances. */
export function recallAt(judged: readonly Judged[], threshold: number): number | null {
  const failed = judged.filter((j) => j.failed);
  return failed.length === 0 ? null : failed.filter(({ score }) => score >= threshold).length / failed.length;
}

const BINS = 10;

/** Expected calibration error over ten bins of equal width. Scores are chances. */
export function calibrationError(judged: readonly Judged[]): number | null {
  if (judged.length === 0) return null;
  const bins = Map.groupBy(judged, ({ score }) => Math.min(BINS - 1, Math.floor(score * BINS)));
  let error = 0;
  for (const bin of bins.values()) {
    const expected = bin.reduce((sum, { score }) => sum + score, 0);
    error += Math.abs(expected - bin.filter((j) => j.failed).length);
  }
  return error / judged.length;
}

/** The names of the highest `share`; of equals those with the lower name. */
export function top(scores: ReadonlyMap<string, number>, share: number): Set<string> {
  const order = [...scores].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return new Set(order.slice(0, Math.round(order.length * share)).map(([name]) => name));
}

/** How much of a week's top is not in the week before: who is named must not change at random. */
export function newNames(before: ReadonlySet<string>, now: ReadonlySet<string>): number | null {
  return now.size === 0 ? null : [...now].filter((name) => !before.has(name)).length / now.size;
}
