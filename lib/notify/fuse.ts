import type { NotifyConfig } from "../config/config.ts";

/** What a whole poll would send: messages, and corrections of what was told before. */
export interface PollVolume {
  readonly messages: number;
  readonly revisions: number;
}

export type FuseDecision =
  | { readonly delivery: "open"; readonly reason: null }
  /** `reason` is for the administrator: both numbers and their limits. */
  | { readonly delivery: "held"; readonly reason: string };

/** Whether a poll's messages may leave (P11): beyond either limit all of them wait for the administrator. */
export function decideFuse(volume: PollVolume, fuse: NotifyConfig["fuse"]): FuseDecision {
  const { messages, revisions } = volume;
  if (fuse === null || (messages <= fuse.messagesPerPoll && revisions <= fuse.revisionsPerPoll)) {
    return { delivery: "open", reason: null };
  }
  return {
    delivery: "held",
    reason: `this poll would send ${messages} messages (limit ${fuse.messagesPerPoll}) and tell ${revisions} ` +
      `corrections (limit ${fuse.revisionsPerPoll})`,
  };
}
