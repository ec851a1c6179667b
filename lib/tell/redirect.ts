import { ZulipError } from "../base/errors.ts";
import type { LmsId } from "../model/event.ts";
import { escapeText } from "../format/escape_text.ts";
import { mentorOf } from "../model/recipient.ts";
import type { MentorPerson } from "./accounts.ts";
import type { NotifierDeps } from "./notify_types.ts";

/** How a redirected message begins: so even a state that forgot sending it knows it among the bot's messages. */
const BEGINNING = "↪️ Redirected, meant for ";

export const isRedirected = (content: string): boolean => content.startsWith(BEGINNING);

/** Who reads everything during a trial (`notify.redirect_to`). */
export interface Redirect {
  readonly userId: string;
}

/** Nobody's name is so long; what is beyond it is left out, since Zulip cuts a message at 10,000 signs. */
const NAME_LENGTH = 100;

/**
 * The account of `notify.redirect_to`; `null` without it. Throws ZulipError when it names nobody: then nothing leaves at all, since the
 * mentors must get nothing.
 */
export async function findRedirect(
  { config, zulip }: Pick<NotifierDeps, "config" | "zulip">,
  signal?: AbortSignal,
): Promise<Redirect | null> {
  const to = config.notify.redirectTo ?? null;
  if (to === null) return null;
  const wanted = to.trim().toLowerCase();
  const user = (await zulip.users(signal)).find((user) =>
    user.userId === wanted || user.deliveryEmail?.toLowerCase() === wanted
  );
  if (user !== undefined && !user.isBot && user.isActive) return { userId: user.userId };
  throw new ZulipError(
    "failed",
    "notify.redirect_to names no active Zulip user that the bot can see, so nothing is sent",
    {
      hint: "write a Zulip user id, or an address that the bot can see",
    },
  );
}

/** The same, asked for once in a while: all of Zulip's users are read for it. */
export class RedirectFinder {
  #found: { readonly value: Redirect | null; readonly atMs: number } | null = null;

  constructor(private readonly deps: Pick<NotifierDeps, "config" | "zulip" | "clock">) {}

  async find(signal?: AbortSignal): Promise<Redirect | null> {
    const { config, clock } = this.deps;
    const now = clock.monotonicMs();
    if (this.#found === null || now - this.#found.atMs > config.users.cacheMs) {
      this.#found = { value: await findRedirect(this.deps, signal), atMs: now };
    }
    return this.#found.value;
  }
}

/** A message for somebody else to read: it says for whom it was. */
export function redirected(
  content: string,
  recipient: string,
  account: string | null,
  mentors: ReadonlyMap<LmsId, MentorPerson>,
): string {
  const mentor = mentorOf(recipient);
  const person = mentor === null ? undefined : mentors.get(mentor);
  const name = escapeText([...person?.name ?? person?.username ?? ""].slice(0, NAME_LENGTH).join(""));
  const who = mentor === null
    ? escapeText(recipient) ?? "a channel"
    : `${name === null ? "" : `**${name}**, `}mentor ${mentor}${account === null ? "" : ` (Zulip user ${account})`}`;
  return `${BEGINNING}${who}:\n\n${content}`;
}
