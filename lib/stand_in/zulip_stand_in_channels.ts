import { canRead } from "./zulip_stand_in_access.ts";
import { flag, list, refused, required } from "./zulip_stand_in_params.ts";
import { channelKey, type StandInRealm } from "./zulip_stand_in_realm.ts";
import type { StandInChannel, StandInUser } from "./zulip_stand_in_types.ts";

type Body = Record<string, unknown>;

const ADMIN = 200;

/** GET /streams: the public channels, and the private ones that `viewer` is subscribed to; no others, whatever was sent there. */
export function listChannels(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams): Body {
  const publicOnes = flag(query, "include_public", true);
  const subscribed = flag(query, "include_subscribed", true);
  const ofOwner = flag(query, "include_owner_subscribed", false) && viewer.ownerId !== null ? viewer.ownerId : null;
  const archived = !flag(query, "exclude_archived", true);
  const shown = realm.channels.values().filter((channel) =>
    (archived || !channel.isArchived) &&
    ((publicOnes && !channel.isPrivate && viewer.role <= 400) ||
      (subscribed && channel.subscribers.has(viewer.id)) ||
      (ofOwner !== null && channel.subscribers.has(ofOwner)))
  );
  return { streams: [...shown].map((channel) => channelObject(realm, channel)) };
}

/** GET /streams/ID: one that `viewer` cannot read is answered as if it were not there, except to administrators. */
export function oneChannel(realm: StandInRealm, viewer: StandInUser, id: number): Body {
  return { stream: channelObject(realm, knownById(realm, viewer, id)) };
}

/** GET /get_stream_id?stream=NAME. */
export function channelId(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams): Body {
  const name = required(query, "stream");
  const channel = realm.findChannel(name);
  if (channel === undefined || !canRead(viewer, channel)) throw refused(`Invalid channel name '${name}'`);
  return { stream_id: channel.id };
}

/** GET /users/me/subscriptions. */
export function ownSubscriptions(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams): Body {
  const withMembers = flag(query, "include_subscribers", false);
  const own = realm.channels.values().filter((channel) => channel.subscribers.has(viewer.id) && !channel.isArchived);
  return {
    subscriptions: [...own].map((channel) => ({
      ...channelObject(realm, channel),
      audible_notifications: null,
      color: COLORS[channel.id % COLORS.length],
      desktop_notifications: null,
      email_notifications: null,
      in_home_view: true,
      is_muted: false,
      pin_to_top: false,
      push_notifications: null,
      wildcard_mentions_notify: null,
      ...(withMembers ? { subscribers: [...channel.subscribers] } : {}),
    })),
  };
}

/** GET /users/USER/subscriptions/CHANNEL. */
export function isSubscribed(realm: StandInRealm, viewer: StandInUser, userId: number, id: number): Body {
  if (!realm.users.has(userId)) throw refused("No such user");
  return { is_subscribed: knownById(realm, viewer, id).subscribers.has(userId) };
}

/** GET /streams/ID/members. */
export function channelMembers(realm: StandInRealm, viewer: StandInUser, id: number): Body {
  return { subscribers: [...knownById(realm, viewer, id).subscribers].sort((a, b) => a - b) };
}

/** POST /users/me/subscriptions: subscribes the caller or `principals`, and makes the channels that are not there yet. */
export function subscribe(realm: StandInRealm, viewer: StandInUser, form: URLSearchParams, nowMs: number): Body {
  const names = channelNames(form);
  const users = principals(realm, viewer, form);
  const isPrivate = flag(form, "invite_only", false);
  const historyPublic = flag(form, "history_public_to_subscribers", !isPrivate);
  const subscribed: Record<string, string[]> = {};
  const already: Record<string, string[]> = {};
  for (const name of names) {
    const known = realm.findChannel(name);
    if (known !== undefined && !canRead(viewer, known)) throw refused(`Unable to access channel (${name}).`);
    const channel = known ??
      realm.addChannel(name, {
        isPrivate,
        historyPublic,
        creatorId: viewer.id,
        createdS: Math.floor(nowMs / 1000),
      });
    for (const user of users) {
      const list = channel.subscribers.has(user.id) ? already : subscribed;
      (list[user.id] ??= []).push(channel.name);
      channel.subscribers.add(user.id);
    }
  }
  return { subscribed, already_subscribed: already };
}

/** DELETE /users/me/subscriptions. */
export function unsubscribe(realm: StandInRealm, viewer: StandInUser, form: URLSearchParams): Body {
  const names = channelNames(form);
  const users = principals(realm, viewer, form);
  const removed: string[] = [];
  const notRemoved: string[] = [];
  for (const name of names) {
    const channel = realm.findChannel(name);
    if (channel === undefined) throw refused(`Channel(s) (${name}) do not exist`);
    for (const user of users) (channel.subscribers.delete(user.id) ? removed : notRemoved).push(channel.name);
  }
  return { removed, not_removed: notRemoved };
}

/** DELETE /streams/ID. */
export function archiveChannel(realm: StandInRealm, viewer: StandInUser, id: number): Body {
  const channel = knownById(realm, viewer, id);
  if (viewer.role > ADMIN) throw refused("Must be an organization administrator");
  channel.isArchived = true;
  return {};
}

function knownById(realm: StandInRealm, viewer: StandInUser, id: number): StandInChannel {
  const channel = realm.findChannel(id);
  if (channel === undefined || !(canRead(viewer, channel) || viewer.role <= ADMIN)) throw refused("Invalid channel ID");
  return channel;
}

function channelNames(form: URLSearchParams): string[] {
  required(form, "subscriptions");
  return (list(form, "subscriptions") ?? []).map((item) =>
    typeof item === "object" && item !== null && "name" in item ? String(item.name) : String(item)
  );
}

/** Ids or addresses; by default the caller. */
function principals(realm: StandInRealm, viewer: StandInUser, form: URLSearchParams): StandInUser[] {
  const wanted = list(form, "principals");
  if (wanted === null || wanted.length === 0) return [viewer];
  return wanted.map((item) => {
    const user = typeof item === "number" ? realm.users.get(item) : realm.userByLogin(String(item));
    if (user === undefined) throw refused(`User not authorized to execute queries on behalf of '${String(item)}'`);
    return user;
  });
}

const COLORS = ["#76ce90", "#fae589", "#a6c7e5", "#e79ab5"];

function channelObject(realm: StandInRealm, channel: StandInChannel): Body {
  return {
    is_archived: channel.isArchived,
    can_remove_subscribers_group: 11,
    creator_id: channel.creatorId,
    date_created: channel.createdS,
    description: "",
    first_message_id: realm.byConversation.get(channelKey(channel.name))?.[0]?.id ?? null,
    history_public_to_subscribers: channel.historyPublic,
    invite_only: channel.isPrivate,
    is_announcement_only: false,
    is_web_public: false,
    message_retention_days: null,
    name: channel.name,
    rendered_description: "",
    stream_id: channel.id,
    stream_post_policy: 1,
    stream_weekly_traffic: null,
  };
}
