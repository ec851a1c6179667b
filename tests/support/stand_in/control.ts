import { type HttpReply, type HttpRequest, json } from "../../../lib/stand_in/zulip_stand_in_http.ts";
import { parseJson } from "../../../lib/stand_in/zulip_stand_in_params.ts";
import type { RateRule } from "../../../lib/stand_in/zulip_stand_in_rate.ts";
import type { ChannelOptions, StandInUser } from "../../../lib/stand_in/zulip_stand_in_types.ts";
import type { ArmedStandIn } from "./armed_stand_in.ts";
import type { Fault, RandomFaults } from "./faults.ts";

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
 *   POST   /_control/channels              {name, isPrivate, subscribers, …} or a list
 *   POST   /_control/subscribe             {channel, userId}; /unsubscribe the same
 *   POST   /_control/set_private           {channel, isPrivate}
 *   POST   /_control/rename_topic          {channel, from, to, toChannel}; answers with how many messages it moved
 *   POST   /_control/resolve_topic         {channel, topic}
 *   POST   /_control/host                  the only host that is an organisation here, or null for every host
 *   POST   /_control/rate_limit            {limit, windowS} or null
 *   POST   /_control/feature_level         a number
 *   POST   /_control/stop and /restart     stop listening on the Zulip port, and listen again (on the control port only)
 *   POST   /_control/rotate_key            a new API key for the bot; answers with it
 */
export async function control(standIn: ArmedStandIn, request: HttpRequest): Promise<HttpReply> {
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
async function act(standIn: ArmedStandIn, action: string, request: HttpRequest, body: unknown): Promise<unknown> {
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
    case "POST /channels":
      return list<ChannelOptions & { name: string }>(body).map(({ name, ...options }) => {
        const { subscribers, ...channel } = standIn.addChannel(name, options);
        return { ...channel, subscribers: [...subscribers] };
      });
    case "POST /subscribe":
    case "POST /unsubscribe": {
      const { channel, userId } = body as { channel: string; userId: number };
      if (action === "POST /subscribe") standIn.realm.subscribe(userId, channel);
      else standIn.realm.unsubscribe(userId, channel);
      return {};
    }
    case "POST /set_private": {
      const { channel, isPrivate } = body as { channel: string; isPrivate?: boolean };
      standIn.realm.setPrivate(channel, isPrivate);
      return {};
    }
    case "POST /rename_topic": {
      const { channel, from, to, toChannel } = body as Record<"channel" | "from" | "to", string> & {
        toChannel?: string;
      };
      return { moved: standIn.realm.renameTopic(channel, from, to, toChannel === undefined ? {} : { toChannel }) };
    }
    case "POST /resolve_topic": {
      const { channel, topic } = body as Record<"channel" | "topic", string>;
      return { moved: standIn.realm.resolveTopic(channel, topic) };
    }
    case "POST /host":
      standIn.realm.host = body as string | null;
      return {};
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
