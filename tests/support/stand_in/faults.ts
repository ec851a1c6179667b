import { html, type HttpReply, type HttpRequest, json } from "../../../lib/stand_in/zulip_stand_in_http.ts";

/** Every way in which the stand-in can be told to fail. "After" means that the message is stored nevertheless. */
export const FAULT_KINDS = [
  "429",
  "429_html",
  "401",
  "500_before_commit",
  "500_after_commit",
  "502_html",
  "503_html",
  "504_html",
  "504_after_commit",
  "reset_before_commit",
  "reset_after_commit",
  "late_answer",
  "truncated_json",
  "slow_trickle",
  "not_json",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultMatch {
  /** Default POST. */
  readonly method?: string;
  /** Default /api/v1/messages. */
  readonly path?: string;
  /** In the form's `to`. */
  readonly toUserId?: number;
  readonly contentIncludes?: string;
}

export interface Fault {
  readonly kind: FaultKind;
  /** How many matching requests it hits; default 1. */
  readonly times?: number;
  /** Which requests; default every POST /messages. */
  readonly match?: FaultMatch | ((request: HttpRequest) => boolean);
  /** 429: seconds, a float as in Zulip; default 1.25. */
  readonly retryAfterS?: number;
  /** late_answer: how late; slow_trickle: between two bytes. Default 60,000 and 200. */
  readonly delayMs?: number;
}

export interface RandomFaults {
  readonly seed: number;
  /** Share of the matching requests that fail, 0 to 1. */
  readonly rate: number;
  /** Default all kinds. */
  readonly kinds?: readonly FaultKind[];
  readonly match?: FaultMatch;
  readonly retryAfterS?: number;
  readonly delayMs?: number;
}

/** Decides which request fails how; explicit faults first, in the order they were given, then the random ones. */
export class FaultPlan {
  #queue: { readonly fault: Fault; left: number }[] = [];
  #random: { readonly options: RandomFaults; readonly next: () => number } | null = null;
  /** How often each kind happened. */
  readonly counts: Partial<Record<FaultKind, number>> = {};

  add(fault: Fault): void {
    if (!FAULT_KINDS.includes(fault.kind)) throw new RangeError(`Unknown kind of fault ${JSON.stringify(fault.kind)}`);
    this.#queue.push({ fault, left: fault.times ?? 1 });
  }

  /** The same seed and the same requests in the same order fail in the same way. */
  randomly(options: RandomFaults | null): void {
    this.#random = options === null ? null : { options, next: mulberry32(options.seed) };
  }

  clear(): void {
    this.#queue = [];
    this.#random = null;
  }

  take(request: HttpRequest): Fault | null {
    const entry = this.#queue.find(({ fault, left }) => left > 0 && matches(fault.match ?? {}, request));
    if (entry !== undefined) {
      entry.left--;
      if (entry.left <= 0) this.#queue = this.#queue.filter((each) => each !== entry);
      return this.#counted(entry.fault);
    }
    if (this.#random === null || !matches(this.#random.options.match ?? {}, request)) return null;
    const { options, next } = this.#random;
    const kinds = options.kinds ?? FAULT_KINDS;
    const [hit, which] = [next(), next()];
    const kind = kinds[Math.floor(which * kinds.length)];
    if (hit >= options.rate || kind === undefined) return null;
    const { retryAfterS, delayMs } = options;
    return this.#counted({
      kind,
      ...(retryAfterS === undefined ? {} : { retryAfterS }),
      ...(delayMs === undefined ? {} : { delayMs }),
    });
  }

  #counted(fault: Fault): Fault {
    this.counts[fault.kind] = (this.counts[fault.kind] ?? 0) + 1;
    return fault;
  }
}

/** Answers `request` as `fault` wants it; `handle` is the undisturbed way, called only by faults after the commit. */
export function applyFault(fault: Fault, handle: () => HttpReply): HttpReply | "reset" {
  switch (fault.kind) {
    case "429": {
      const seconds = fault.retryAfterS ?? 1.25;
      return {
        ...json(429, {
          result: "error",
          msg: "API usage exceeded rate limit",
          code: "RATE_LIMIT_HIT",
          "retry-after": seconds,
        }),
        headers: { "Retry-After": String(seconds) },
      };
    }
    case "429_html":
      return html(429, "Too Many Requests");
    case "401":
      return {
        ...json(401, { result: "error", msg: "Invalid API key", code: "UNAUTHORIZED" }),
        headers: { "WWW-Authenticate": 'Basic realm="zulip"' },
      };
    case "500_before_commit":
      return json(500, { result: "error", msg: "Internal server error" });
    case "502_html":
      return html(502, "Bad Gateway");
    case "503_html":
      return html(503, "Service Unavailable");
    case "504_html":
      return html(504, "Gateway Time-out");
    case "reset_before_commit":
      return "reset";
    default:
      return afterCommit(fault, handle());
  }
}

function afterCommit(fault: Fault, reply: HttpReply): HttpReply | "reset" {
  if (reply.status !== 200) return reply; // nothing was committed, so there is nothing to be unsure about
  switch (fault.kind) {
    case "500_after_commit":
      return json(500, { result: "error", msg: "Internal server error" });
    case "504_after_commit":
      return html(504, "Gateway Time-out");
    case "late_answer":
      return { ...reply, delayMs: fault.delayMs ?? 60_000 };
    case "truncated_json":
      return { ...reply, wire: "truncate" };
    case "slow_trickle":
      return { ...reply, wire: "trickle", trickleMs: fault.delayMs ?? 200 };
    case "not_json":
      return html(200, "Please log in to the wireless network");
    default:
      return "reset";
  }
}

function matches(match: NonNullable<Fault["match"]>, request: HttpRequest): boolean {
  if (typeof match === "function") return match(request);
  if (request.method !== (match.method ?? "POST") || request.path !== (match.path ?? "/api/v1/messages")) return false;
  if (match.toUserId === undefined && match.contentIncludes === undefined) return true;
  const form = new URLSearchParams(request.body);
  if (match.toUserId !== undefined && form.get("to") !== `[${match.toUserId}]`) return false;
  return match.contentIncludes === undefined || (form.get("content") ?? "").includes(match.contentIncludes);
}

/** A small seeded generator of numbers in [0, 1); the same sequence on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
