import type { z } from "zod";
import { ZulipError } from "../base/errors.ts";
import type { BodySink } from "./http.ts";
import { ItemReader } from "./item_reader.ts";
import { Channel, ChannelList } from "./wire.ts";
import type { ZulipChannel } from "./zulip_api.ts";

/** Asks Zulip for `path` and reads the answer by `schema`; throws ZulipError. */
type Read = <T>(path: string, query: Record<string, string>, schema: z.ZodType<T>, sink: BodySink) => Promise<T>;

/**
 * The channels of the given names and ids, as the bot may see them. A channel that only the bot's owner is subscribed to is asked for
 * too: the bot can send there and read nothing of it.
 */
export async function readChannels(
  read: Read,
  names: readonly string[],
  ids: readonly number[],
): Promise<ZulipChannel[]> {
  const wantedNames = new Set(names.map((name) => name.toLowerCase()));
  const isWanted = (channel: z.infer<typeof Channel>) =>
    !channel.is_archived && (wantedNames.has(channel.name.toLowerCase()) || ids.includes(channel.stream_id));
  const visible = await list(read, "streams", { include_owner_subscribed: "true" }, isWanted).catch((error) => {
    // A guest may not list channels: what it is subscribed to is all that it sees.
    if (error instanceof ZulipError && error.reason === "failed" && error.retryAfterMs === null) return null;
    throw error;
  });
  const subscribed = visible === null || visible.some((channel) => channel.invite_only)
    ? await list(read, "users/me/subscriptions", {}, isWanted)
    : [];
  const own = new Set(subscribed.map((channel) => channel.stream_id));
  return (visible ?? subscribed).map((channel) => ({
    id: channel.stream_id,
    name: channel.name,
    isPrivate: channel.invite_only,
    isSubscribed: own.has(channel.stream_id),
    sharesHistory: !channel.invite_only || channel.history_public_to_subscribers,
  }));
}

/** Kept are those that are wanted: an organization may have thousands. */
async function list(
  read: Read,
  path: "streams" | "users/me/subscriptions",
  query: Record<string, string>,
  isWanted: (channel: z.infer<typeof Channel>) => boolean,
): Promise<z.infer<typeof Channel>[]> {
  const items = new ItemReader(path === "streams" ? "streams" : "subscriptions");
  const found: z.infer<typeof Channel>[] = [];
  await read(path, query, ChannelList, {
    take: (bytes) => {
      for (const raw of items.push(bytes)) {
        const channel = Channel.safeParse(raw);
        if (channel.success && isWanted(channel.data)) found.push(channel.data);
      }
    },
    text: () => items.rest,
  });
  return found;
}
