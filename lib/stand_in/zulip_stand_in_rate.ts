/** At most `limit` accepted calls in any `windowS` seconds, per user. */
export interface RateRule {
  readonly limit: number;
  readonly windowS: number;
}

/** When each user called: Zulip's sliding window. A call that is refused does not count. */
export class CallHistory {
  readonly #calls = new Map<number | string, { times: number[]; start: number }>();

  /** `bucket`: a user's id, or what else is counted by itself. */
  call(
    bucket: number | string,
    rule: RateRule,
    nowMs: number,
  ): { headers: Record<string, string>; retryAfterS: number | null } {
    const history = this.#calls.get(bucket) ?? { times: [], start: 0 };
    this.#calls.set(bucket, history);
    const windowMs = rule.windowS * 1000;
    while ((history.times[history.start] ?? Infinity) <= nowMs - windowMs) history.start++;
    if (history.start > 10_000 && history.start * 2 > history.times.length) {
      history.times.splice(0, history.start);
      history.start = 0;
    }
    const used = history.times.length - history.start;
    const free = used < rule.limit;
    if (free) history.times.push(nowMs);
    // An accepted call says when its own window ends; a refused one, when the next call is free.
    const resetMs = (free ? nowMs : history.times[history.start] ?? nowMs) + windowMs;
    return {
      headers: {
        "X-RateLimit-Limit": String(rule.limit),
        "X-RateLimit-Remaining": String(free ? rule.limit - used - 1 : 0),
        "X-RateLimit-Reset": String(Math.floor(resetMs / 1000)),
      },
      retryAfterS: free ? null : (resetMs - nowMs) / 1000,
    };
  }
}
