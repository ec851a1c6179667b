import { z } from "zod";
import { readFactsWithAge, writeFact } from "../../sql/state/facts.ts";
import type { ZulipChannel } from "../bot/zulip_api.ts";
import type { NotifierDeps } from "./notify_types.ts";

/** Whether the bot would find in a channel what it sent there. */
export type ChannelAccess =
  /** `unbrokenMs`: by the channel's rule, messages that are older may be hidden; `null`: none are. */
  | { readonly access: "readable"; readonly id: number; readonly unbrokenMs: number | null }
  /** Private, and the bot is not subscribed: Zulip answers look-ups there with "nothing". */
  | { readonly access: "not_readable" }
  /** Nobody with this bot's rights sees a channel of this name: renamed, archived, or never there. */
  | { readonly access: "invisible" };

/** Why deliveries to a channel wait, and messages to it that are under way. */
export const NOT_READABLE = "channel_not_readable";
/** When somebody looks again whether the bot can read a channel. */
export const CHANNEL_AGAIN_MS = 60_000;

/** A public channel does not turn private often, and a look-up asks anew. */
const PUBLIC_MS = 60_000;

/** As last seen: how the bot sees what it sends. When it changes, its age starts anew. */
const SeenChannel = z.object({ id: z.int(), view: z.enum(["public", "subscribed", "none"]) });
type SeenChannel = z.infer<typeof SeenChannel>;

/** Knows in which of the channels that deliveries go to messages can be looked up. */
export class Channels {
  readonly #deps: NotifierDeps;
  readonly #public = new Map<string, { readonly access: ChannelAccess; readonly untilMs: number }>();
  #unreadable = new Set<string>();

  constructor(deps: NotifierDeps) {
    this.#deps = deps;
  }

  /** Before a send. Throws ZulipError. */
  async forSending(names: readonly string[], signal?: AbortSignal): Promise<Map<string, ChannelAccess>> {
    const now = this.#deps.clock.monotonicMs();
    const known = new Map<string, ChannelAccess>();
    for (const name of names) {
      const cached = this.#public.get(name);
      if (cached !== undefined && cached.untilMs > now) known.set(name, cached.access);
    }
    const unknown = names.filter((name) => !known.has(name));
    if (unknown.length === 0) return known;
    return new Map([...known, ...await this.#ask(unknown, false, signal)]);
  }

  /** Before "nothing found" is believed: asks now, and follows a channel that got another name since. Throws ZulipError. */
  forLookingUp(names: readonly string[], signal?: AbortSignal): Promise<Map<string, ChannelAccess>> {
    return this.#ask(names, true, signal);
  }

  /** The channels in which something waits to become readable, since the last call. */
  takeUnreadable(): string[] {
    const names = [...this.#unreadable];
    this.#unreadable = new Set();
    return names;
  }

  noteUnreadable(name: string): void {
    this.#unreadable.add(name);
  }

  async #ask(
    names: readonly string[],
    followRenamed: boolean,
    signal?: AbortSignal,
  ): Promise<Map<string, ChannelAccess>> {
    const { db, source, zulip, clock } = this.#deps;
    const facts = new Map(
      (await readFactsWithAge(db.sql, source, names.map(factOf))).map((row) => [row.name, row]),
    );
    const seenBefore = (name: string): SeenChannel | null =>
      SeenChannel.safeParse(facts.get(factOf(name))?.value).data ?? null;
    const ids = followRenamed ? names.flatMap((name) => seenBefore(name)?.id ?? []) : [];
    const channels = await zulip.channels(names, ids, signal);
    const result = new Map<string, ChannelAccess>();
    for (const name of names) {
      const before = seenBefore(name);
      const channel = (followRenamed ? channels.find(({ id }) => id === before?.id) : undefined) ??
        channels.find((each) => each.name.toLowerCase() === name.toLowerCase());
      if (channel === undefined) {
        result.set(name, { access: "invisible" });
        continue;
      }
      const now: SeenChannel = { id: channel.id, view: viewOf(channel) };
      const same = before?.id === now.id && before.view === now.view;
      if (!same) await writeFact(db.sql, source, factOf(name), JSON.stringify(now));
      const access = accessOf(channel, same ? facts.get(factOf(name))?.changed_ms_ago ?? 0 : 0);
      if (now.view === "public") this.#public.set(name, { access, untilMs: clock.monotonicMs() + PUBLIC_MS });
      else this.#public.delete(name);
      result.set(name, access);
    }
    return result;
  }
}

const factOf = (name: string) => `channel:${name.toLowerCase()}`;

function viewOf(channel: ZulipChannel): SeenChannel["view"] {
  return !channel.isPrivate ? "public" : channel.isSubscribed ? "subscribed" : "none";
}

function accessOf(channel: ZulipChannel, unbrokenMs: number): ChannelAccess {
  if (channel.isPrivate && !channel.isSubscribed) return { access: "not_readable" };
  return { access: "readable", id: channel.id, unbrokenMs: channel.sharesHistory ? null : unbrokenMs };
}
