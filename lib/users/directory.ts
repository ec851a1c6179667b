import type { ZulipUser } from "../zulip/zulip_api.ts";

/** Zulip's accounts, arranged for looking LMS people up. Bots are not in it: nobody reads a bot's messages. */
export interface Directory {
  /** By lower-cased real address; several only where Zulip's own data is ambiguous. */
  readonly byEmail: ReadonlyMap<string, readonly ZulipUser[]>;
  readonly byId: ReadonlyMap<string, ZulipUser>;
  readonly botIds: ReadonlySet<string>;
  /** Active accounts whose address the bot may not see, by {@link nameKey}. */
  readonly hiddenByName: ReadonlyMap<string, readonly ZulipUser[]>;
  /** How many active accounts hide their address from the bot. */
  readonly hidden: number;
}

export function buildDirectory(users: readonly ZulipUser[]): Directory {
  const people = users.filter((user) => !user.isBot);
  const hidden = people.filter((user) => user.isActive && user.deliveryEmail === null);
  return {
    byEmail: Map.groupBy(
      people.filter((user) => user.deliveryEmail !== null),
      (user) => addressKey(user.deliveryEmail ?? ""),
    ),
    byId: new Map(people.map((user) => [user.userId, user])),
    botIds: new Set(users.filter((user) => user.isBot).map((user) => user.userId)),
    hiddenByName: Map.groupBy(hidden, (user) => nameKey(user.fullName)),
    hidden: hidden.length,
  };
}

/** Addresses are the same without regard to case and outer blanks (hard case 18); Zulip compares them so, too. */
export const addressKey = (address: string): string => address.trim().toLowerCase();

/** "Rao, Asha" and "asha rao" are one name; good enough for a hint, never for choosing an account. */
export const nameKey = (name: string): string =>
  (name.normalize("NFKC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).sort().join(" ");
