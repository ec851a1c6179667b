import type { StandInRealm } from "./zulip_stand_in_realm.ts";
import type { StandInChannel, StandInMessage, StandInUser } from "./zulip_stand_in_types.ts";

const GUEST = 600;

/** Whether `viewer` may read in the channel at all. Of a bot its own subscription counts, never its owner's. */
export function canRead(viewer: StandInUser, channel: StandInChannel): boolean {
  return channel.subscribers.has(viewer.id) || (!channel.isPrivate && viewer.role !== GUEST);
}

/** Whether `viewer` may also read there what was sent without a copy for them. */
export function readsHistory(viewer: StandInUser, channel: StandInChannel): boolean {
  return canRead(viewer, channel) && (!channel.isPrivate || channel.historyPublic);
}

/** Whether `viewer` got the message when it was sent, and may still read where it is. */
export function hasCopy(realm: StandInRealm, viewer: StandInUser, message: StandInMessage): boolean {
  // Outgoing webhook and embedded bots get no copies, not even of what they send.
  if (viewer.botType === 3 || viewer.botType === 4 || !message.audience.includes(viewer.id)) return false;
  if (message.channel === null) return true;
  const channel = realm.findChannel(message.channel);
  return channel !== undefined && canRead(viewer, channel);
}

/** Whether `viewer` can open the message by its id. */
export function canOpen(realm: StandInRealm, viewer: StandInUser, message: StandInMessage): boolean {
  if (hasCopy(realm, viewer, message)) return true;
  const channel = message.channel === null ? undefined : realm.findChannel(message.channel);
  return channel !== undefined && readsHistory(viewer, channel);
}

export function hasRead(realm: StandInRealm, viewer: StandInUser, message: StandInMessage): boolean {
  return realm.readers.get(message.id)?.has(viewer.id) === true;
}
