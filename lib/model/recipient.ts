import type { LmsId } from "./event.ts";

/** Where messages that no mentor gets may go. */
export interface ChannelTopic {
  readonly channel: string;
  readonly topic: string;
}

/** The recipient of notices to the administrator; nothing is composed for it. */
export const ADMIN = "admin";

const MENTOR = "mentor:";
const CHANNEL = "channel:";

export const mentorRecipient = (id: LmsId): string => `${MENTOR}${id}`;
/** The mentor's id; `null` of any other recipient. */
export const mentorOf = (recipient: string): LmsId | null =>
  recipient.startsWith(MENTOR) ? recipient.slice(MENTOR.length) : null;

export const channelRecipient = ({ channel, topic }: ChannelTopic): string => `${CHANNEL}${channel}/${topic}`;
export const isChannelRecipient = (recipient: string): boolean => recipient.startsWith(CHANNEL);

/** The inverse of channelRecipient(); of a channel that is no longer the fallback the first slash divides. */
export function channelOf(recipient: string, fallback: ChannelTopic | null): ChannelTopic | null {
  if (!isChannelRecipient(recipient)) return null;
  if (fallback !== null && recipient === channelRecipient(fallback)) return fallback;
  const [channel = "", ...topic] = recipient.slice(CHANNEL.length).split("/");
  return { channel, topic: topic.join("/") };
}
