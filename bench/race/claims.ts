/** Something that is to be told once: an attempt of a student has this result. */
export interface Fact {
  readonly attempt: number;
  readonly student: number;
  readonly score: number;
  /** From when on a poll can see it, milliseconds on this process's monotonic clock. */
  readonly visibleMs: number;
}

/** What a contender reported, once or again. */
export interface Claim {
  readonly attempt: number;
  readonly student: number;
  readonly score: number;
  /** When it knew, and when somebody was told of it (`null`: never seen), on the same clock. */
  readonly knownMs: number;
  readonly toldMs: number | null;
}

/** How a contender did in one scenario. */
export interface Score {
  readonly facts: number;
  /** Reported once and in time. */
  readonly once: number;
  readonly late: number;
  readonly lost: number;
  readonly doubled: number;
  /** Reported, and not true or no news. */
  readonly wrong: number;
  /** The longest time from visible to known, and to told, milliseconds; 0 without facts. */
  readonly knownMs: number;
  readonly toldMs: number;
}

const keyOf = ({ attempt, student, score }: Pick<Fact, "attempt" | "student" | "score">) =>
  `${attempt} ${student} ${score}`;

/** `inTime`: whether a fact that was known at a time was known in time. Pure. */
export function scoreOf(
  facts: readonly Fact[],
  claims: readonly Claim[],
  inTime: (fact: Fact, knownMs: number) => boolean,
): Score {
  const expected = new Map(facts.map((fact) => [keyOf(fact), fact]));
  const first = new Map<string, Claim>();
  let doubled = 0, wrong = 0;
  for (const claim of claims.toSorted((a, b) => a.knownMs - b.knownMs)) {
    const key = keyOf(claim);
    if (!expected.has(key)) wrong++;
    else if (first.has(key)) doubled++;
    else first.set(key, claim);
  }
  let once = 0, late = 0, lost = 0, knownMs = 0, toldMs = 0;
  for (const [key, fact] of expected) {
    const claim = first.get(key);
    if (claim?.toldMs == null) { // known and never told is lost, too
      lost++;
      continue;
    }
    if (inTime(fact, claim.knownMs)) once++;
    else late++;
    knownMs = Math.max(knownMs, claim.knownMs - fact.visibleMs);
    toldMs = Math.max(toldMs, claim.toldMs - fact.visibleMs);
  }
  return { facts: facts.length, once, late, lost, doubled, wrong, knownMs, toldMs };
}
