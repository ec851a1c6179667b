import { z } from "zod";
import type { ZulipUser } from "./zulip_api.ts";

/**
 * Zulip's answers as far as lmsmon reads them. Lenient: new keys appear with every release, so unknown ones pass and
 * only what is used is checked.
 */
const id = z.union([z.int().nonnegative(), z.string().regex(/^\d+$/)]);

export const SentAnswer = z.object({ id: z.int().positive() });

export const ErrorAnswer = z.object({
  result: z.literal("error"),
  msg: z.string().catch(""),
  code: z.string().optional().catch(undefined),
  "retry-after": z.coerce.number().optional().catch(undefined),
});

export const ServerSettings = z.object({
  zulip_version: z.string().catch("unknown"),
  zulip_feature_level: z.int().catch(0), // absent before 3.0
  realm_name: z.string().nullish().catch(null),
});

export const OwnUser = z.object({
  user_id: id,
  full_name: z.string().catch(""),
  email: z.string().catch(""),
  delivery_email: z.string().nullish().catch(null),
  is_bot: z.boolean().catch(false),
  role: z.int().nullish().catch(null),
});

export const OneUser = z.object({
  user: z.object({
    bot_type: z.int().nullish().catch(null),
    bot_owner_id: id.nullish().catch(null),
    role: z.int().nullish().catch(null),
  }),
});

export const Member = z.object({
  user_id: id,
  email: z.string().catch(""),
  /** Absent: a server before 7.0 that hides nothing. `null`: hidden. */
  delivery_email: z.string().nullish(),
  full_name: z.string().catch(""),
  is_active: z.boolean().catch(true),
  is_bot: z.boolean().catch(false),
  timezone: z.string().nullish().catch(null),
});
/** The members themselves are read one by one. */
export const MemberList = z.object({ members: z.array(z.unknown()) });

/** As `streams` and as `subscriptions` list it. */
export const Channel = z.object({
  stream_id: z.int().nonnegative(),
  name: z.string(),
  /** Taken for private when it is not said: then a subscription is asked for. */
  invite_only: z.boolean().catch(true),
  history_public_to_subscribers: z.boolean().catch(false),
  is_archived: z.boolean().catch(false),
});
/** The channels themselves are read one by one. */
export const ChannelList = z.object({ streams: z.array(z.unknown()) }).or(
  z.object({ subscriptions: z.array(z.unknown()) }),
);

export const Message = z.object({
  id,
  timestamp: z.number(),
  content: z.string(),
  display_recipient: z.union([z.string(), z.array(z.object({ id }))]).catch([]),
});
export const MessagePage = z.object({
  messages: z.array(Message),
  found_oldest: z.boolean().catch(false),
});

export const Rendered = z.object({ rendered: z.string() });

/** `null` when `text` is cut off, no JSON, or not of this shape. */
export function parseAnswer<T>(schema: z.ZodType<T>, text: string | null): T | null {
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/** `null` for a member that is none. */
export function userOf(raw: unknown): ZulipUser | null {
  const parsed = Member.safeParse(raw);
  if (!parsed.success) return null;
  const member = parsed.data;
  return {
    userId: String(member.user_id),
    deliveryEmail: realAddress(member),
    fullName: member.full_name,
    isActive: member.is_active,
    isBot: member.is_bot,
    timezone: zoneOf(member.timezone ?? ""),
  };
}

/** `null` for the name of no zone. */
function zoneOf(name: string): string | null {
  if (name === "" || name.length > 64) return null;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return name;
  } catch {
    return null;
  }
}

/** A user object's address fields as Zulip sends them; `delivery_email` absent before 7.0, `null` when hidden. */
export interface AddressFields {
  readonly user_id: number | string;
  readonly email: string;
  readonly delivery_email?: string | null | undefined;
}

/**
 * The real address of a Zulip user, `null` when the bot may not see it. `email` is a stand-in (`user9@zulip.example`) as
 * soon as anything is hidden, and matching LMS people against it would tell the wrong mentor.
 */
export function realAddress(user: AddressFields): string | null {
  if (user.delivery_email === undefined) {
    return user.email === "" || /^user\d+@/i.test(user.email) ? null : user.email;
  }
  const address = user.delivery_email?.trim() ?? "";
  // user17@school.example is a real address, unless it is user 17's own stand-in.
  return address === "" || address.toLowerCase().startsWith(`user${user.user_id}@`) ? null : address;
}
