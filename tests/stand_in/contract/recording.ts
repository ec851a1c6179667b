/** One request to a real Zulip server, and what it answered: a line of `../shared/data/zulip/exchanges.jsonl`. */
export interface Exchange {
  readonly name: string;
  /** Who asked; see `authorization` of the world. */
  readonly as: string;
  readonly method: string;
  /** Below /api/v1/; `${name}` stands for an id of the world or of an earlier exchange's `save`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly save?: string;
  readonly status: number;
  /** In lower case; only those that a client may care about. */
  readonly response_headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface RecordedMessage {
  readonly id: number;
  readonly content: string;
  readonly timestamp: number;
  readonly type: string;
  readonly display_recipient: unknown;
}

/** The exchanges in order; the first line, which only describes the world, is left out. */
export async function readExchanges(folder: string): Promise<Exchange[]> {
  const text = await Deno.readTextFile(`${folder}exchanges.jsonl`);
  const [, ...lines] = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Exchange);
}

/** The messages that an answer lists. */
export function messagesOf(body: unknown): RecordedMessage[] {
  if (typeof body !== "object" || body === null || !("messages" in body) || !Array.isArray(body.messages)) return [];
  return (body.messages as unknown[]).filter((each): each is RecordedMessage => typeof each === "object");
}

/** When the request came, in milliseconds, by its rate limit's headers: an accepted call's window ends 60 s later. */
export function timeOf({ response_headers: headers }: Exchange): number | null {
  const reset = Number(headers["x-ratelimit-reset"] ?? NaN);
  const waitS = Number(headers["retry-after"] ?? 60);
  return Number.isNaN(reset) ? null : (reset - waitS) * 1000;
}
