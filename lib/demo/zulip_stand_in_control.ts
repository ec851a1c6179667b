import type { ZulipStandIn } from "./zulip_stand_in.ts";
import { type Fault, json, type RandomFaults } from "./zulip_stand_in_faults.ts";
import type { HttpReply, HttpRequest } from "./zulip_stand_in_http.ts";
import { parseJson, type StandInUser } from "./zulip_stand_in_realm.ts";
import type { RateRule } from "./zulip_stand_in_routes.ts";

/**
 * The stand-in by HTTP, for chaos and benchmarks that run it as a process of its own. JSON in, JSON out:
 *
 *   GET    /_control/messages[?after=ID]   NDJSON, every accepted message
 *   GET    /_control/requests              NDJSON, the last requests
 *   GET    /_control/stats                 {messages, requests, last_id, faults}
 *   POST   /_control/faults                {kind, times, match, …} or a list of them
 *   DELETE /_control/faults                ends all, the random ones too
 *   POST   /_control/random                {seed, rate, kinds, …} or null
 *   POST   /_control/users                 {email, …} or a list; an existing id is changed; answers with the users
 *   POST   /_control/rate_limit            {limit, windowS} or null
 *   POST   /_control/feature_level         a number
 *   POST   /_control/stop and /restart     stop listening on the Zulip port, and listen again (on the control port only)
 *   POST   /_control/rotate_key            a new API key for the bot; answers with it
 */
export async function control(standIn: ZulipStandIn, request: HttpRequest): Promise<HttpReply> {
  const body = request.body === "" ? null : parseJson(request.body);
  try {
    const result = await act(standIn, `${request.method} ${request.path.slice("/_control".length)}`, request, body);
    return typeof result === "string"
      ? { status: 200, contentType: "application/x-ndjson", body: result }
      : json(200, result);
  } catch (error) {
    return json(400, { error: error instanceof Error ? error.message : String(error) });
  }
}

// The caller is this project's own harness: shapes are trusted, values are checked where they are used.
async function act(standIn: ZulipStandIn, action: string, request: HttpRequest, body: unknown): Promise<unknown> {
  switch (action) {
    case "GET /messages": {
      const after = Number(request.query.get("after") ?? 0);
      return lines(standIn.messages.filter((message) => message.id > after));
    }
    case "GET /requests":
      return lines(standIn.requests);
    case "GET /stats":
      return {
        messages: standIn.messages.length,
        requests: standIn.requestCount,
        last_id: standIn.messages.at(-1)?.id ?? 0,
        faults: standIn.faults.counts,
      };
    case "POST /faults":
      for (const fault of list<Fault>(body)) standIn.fault(fault);
      return {};
    case "DELETE /faults":
      standIn.clearFaults();
      return {};
    case "POST /random":
      standIn.randomFaults(body as RandomFaults | null);
      return {};
    case "POST /users":
      return list<StandInUser>(body).map((user) => {
        const known = standIn.realm.users.get(user.id);
        return known === undefined ? standIn.addUser(user) : Object.assign(known, user);
      });
    case "POST /rate_limit":
      standIn.setRateLimit(body as RateRule | null);
      return {};
    case "POST /feature_level":
      standIn.realm.featureLevel = Number(body);
      return {};
    case "POST /stop":
      await standIn.stop();
      return {};
    case "POST /restart":
      standIn.restart();
      return {};
    case "POST /rotate_key":
      return { key: standIn.rotateBotKey() };
    default:
      throw new RangeError(`Unknown control ${JSON.stringify(action)}`);
  }
}

function list<T>(body: unknown): T[] {
  return (Array.isArray(body) ? body : [body]) as T[];
}

function lines(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value) + "\n").join("");
}
