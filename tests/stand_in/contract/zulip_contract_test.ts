import assert from "node:assert/strict";
import { testData } from "../../support/shared_data.ts";
import { type ContractWorld, makeContractWorld, WORLD_IDS } from "./contract_world.ts";
import { differences } from "./differences.ts";
import { type Exchange, readExchanges, timeOf } from "./recording.ts";

interface ReasonedDifference {
  /** The exchange's place in the recording, from 1. */
  readonly request: number;
  /** What differs, with everything below it. */
  readonly paths: readonly string[];
  readonly why: string;
}

/** Where the stand-in deliberately does not do what the recorded server did. An entry that nothing needs fails the test. */
const REASONED_DIFFERENCES: readonly ReasonedDifference[] = [
  {
    request: 1,
    paths: ["body.authentication_methods", "body.email_auth_enabled", "body.external_authentication_methods"],
    why: "left out when this line was recorded; the next one shows that the server sends them",
  },
  {
    request: 2,
    paths: ["body.authentication_methods", "body.external_authentication_methods"],
    why: "which log-ins a server offers is how it is set up",
  },
  {
    request: 16,
    paths: ["status", "content-type", "body"],
    why: "a development server breaks over a path that it does not know; any other answers 404 with a page",
  },
  {
    request: 67,
    paths: ["body.subscriptions[1].first_message_id"],
    why: "Zulip's Notification Bot opens a new channel with a message; the stand-in has no such bot",
  },
];

const folder = await testData("zulip", "the Zulip stand-in's contract test");

Deno.test({
  name: "the Zulip stand-in answers 84 requests as a real Zulip server did",
  ignore: folder === null,
  fn: async () => {
    const exchanges = await readExchanges(folder ?? "");
    assert.equal(exchanges.length, 84);
    await using world = await makeContractWorld(exchanges);
    const player = new Player(world);
    const unexplained: string[] = [];
    const used = new Set<string>();
    for (const [index, exchange] of exchanges.entries()) {
      const request = index + 1;
      const paths = REASONED_DIFFERENCES.filter((each) => each.request === request).flatMap((each) => each.paths);
      for (const difference of await player.play(exchange)) {
        const path = paths.find((each) => difference.startsWith(each));
        if (path === undefined) unexplained.push(`${request} ${exchange.name}: ${difference}`);
        else used.add(`${request} ${path}`);
      }
    }
    assert.deepEqual(unexplained, []);
    const unused = REASONED_DIFFERENCES
      .flatMap(({ request, paths }) => paths.map((path) => `${request} ${path}`))
      .filter((each) => !used.has(each));
    assert.deepEqual(unused, [], "reasons for differences that are none");
  },
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Plays exchanges in order, over HTTP, and says where the answers differ. */
class Player {
  readonly #world: ContractWorld;
  readonly #ids: Record<string, number> = { ...WORLD_IDS };
  /** By asker: what their last answer said of the rate limit. */
  readonly #remaining = new Map<string, number>();

  constructor(world: ContractWorld) {
    this.#world = world;
  }

  async play(exchange: Exchange): Promise<string[]> {
    const { realm } = this.#world.standIn;
    await this.#spendUnrecordedCalls(exchange);
    const time = timeOf(exchange);
    if (time !== null) this.#world.setTime(time);
    const recorded = exchange.body as { id?: number };
    // Messages of Zulip's own bots, which the stand-in does not have, took ids in between.
    if (exchange.path === "messages" && recorded.id !== undefined) realm.nextMessageId = recorded.id;
    const answer = await this.#ask(exchange);
    if (exchange.save !== undefined) this.#ids[exchange.save] = (answer.body as { id: number }).id;
    return [
      ...answer.status === exchange.status ? [] : [`status: ${answer.status} instead of ${exchange.status}`],
      ...this.#headerDifferences(exchange, answer.headers),
      ...differences(exchange.body, answer.body),
    ];
  }

  /** Some calls of the recorder were left out; the rate limit's headers tell how many. */
  async #spendUnrecordedCalls(exchange: Exchange): Promise<void> {
    const left = Number(exchange.response_headers["x-ratelimit-remaining"] ?? NaN);
    const before = this.#remaining.get(exchange.as);
    if (before === undefined || Number.isNaN(left)) return;
    for (let more = before - left - (exchange.status === 429 ? 0 : 1); more > 0; more--) {
      await this.#ask({ as: exchange.as, method: "GET", path: "users/me" });
    }
  }

  #headerDifferences({ as, response_headers: recorded }: Exchange, ours: Headers): string[] {
    this.#remaining.set(as, Number(ours.get("x-ratelimit-remaining") ?? this.#remaining.get(as)));
    const kept = ["content-type", "allow", "www-authenticate", "retry-after"];
    const limits = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    return [...kept, ...limits].flatMap((name) => differences(recorded[name] ?? null, ours.get(name), name));
  }

  async #ask(request: Pick<Exchange, "as" | "method" | "path" | "query" | "form" | "json">): Promise<Answer> {
    const authorization = this.#world.authorization(request.as);
    const query = this.#params(request.query);
    const body = request.json === undefined
      ? request.form === undefined ? null : this.#params(request.form)
      : JSON.stringify(request.json);
    const url = `${this.#world.standIn.site}/api/v1/${this.#resolve(request.path)}${query === null ? "" : `?${query}`}`;
    const response = await fetch(url, {
      method: request.method,
      headers: {
        "User-Agent": "lmsmon/contract",
        ...(authorization === null ? {} : { Authorization: authorization }),
        ...(request.json === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: jsonOr(text) };
  }

  #params(params: Exchange["query"]): URLSearchParams | null {
    if (params === undefined) return null;
    return new URLSearchParams(Object.entries(params).map(([name, value]) => [name, this.#resolve(whole(value))]));
  }

  #resolve(text: string): string {
    return text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const id = this.#ids[name];
      if (id === undefined) throw new RangeError(`Nothing in the recording is called ${JSON.stringify(name)}`);
      return String(id);
    });
  }
}

/** A text that was shortened for the recording, in its former length. */
function whole(value: string): string {
  const [, char = "", points = "0"] = /^(.)\1*… \((\d+) code points\)$/u.exec(value) ?? [];
  return char === "" ? value : char.repeat(Number(points));
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
