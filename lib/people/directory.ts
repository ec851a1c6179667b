import type { ZulipUser } from "../bot/zulip_api.ts";

/** What matching keeps of a Zulip account: an organization may have tens of thousands, and they stay in memory. */
export interface Account {
  readonly userId: string;
  readonly isActive: boolean;
  readonly timezone?: string | null;
}

/** Zulip's accounts, arranged for looking LMS people up. Bots are not in it: nobody reads a bot's messages. */
export class Directory {
  /** By {@link addressKey}; several only where Zulip's own data is ambiguous. */
  readonly #byAddress = new Map<string, Account | readonly Account[]>();
  readonly #byId = new Map<string, Account>();
  readonly #bots = new Set<string>();
  /** Active accounts whose address the bot may not see, by {@link nameKey}. */
  readonly #hiddenByName = new Map<string, Account | readonly Account[]>();
  #hidden = 0;

  constructor(users: Iterable<ZulipUser>) {
    for (const { userId, isActive, isBot, deliveryEmail, fullName, timezone } of users) {
      if (isBot) {
        this.#bots.add(userId);
        continue;
      }
      const account = timezone ? { userId, isActive, timezone } : { userId, isActive };
      this.#byId.set(userId, account);
      if (deliveryEmail !== null) add(this.#byAddress, addressKey(deliveryEmail), account);
      else if (isActive) {
        this.#hidden++;
        add(this.#hiddenByName, nameKey(fullName), account);
      }
    }
  }

  /** How many active accounts hide their address from the bot. */
  get hidden(): number {
    return this.#hidden;
  }

  withAddress(address: string): readonly Account[] {
    return listOf(this.#byAddress.get(addressKey(address)));
  }

  withId(userId: string): Account | null {
    return this.#byId.get(userId) ?? null;
  }

  isBot(userId: string): boolean {
    return this.#bots.has(userId);
  }

  /** Active accounts of this name that hide their address. */
  hiddenWithName(name: string): readonly Account[] {
    const key = nameKey(name);
    return key === "" ? [] : listOf(this.#hiddenByName.get(key));
  }
}

/** A list of its own for each of 50,000 keys would take as much memory as the rest. */
function add(map: Map<string, Account | readonly Account[]>, key: string, account: Account): void {
  const known = map.get(key);
  map.set(key, known === undefined ? account : [...listOf(known), account]);
}

const listOf = (found: Account | readonly Account[] | undefined): readonly Account[] =>
  found === undefined ? [] : "userId" in found ? [found] : found;

/** Addresses are the same without regard to case and outer blanks; Zulip compares them so, too. */
export const addressKey = (address: string): string => address.trim().toLowerCase();

/** "Rao, Asha" and "asha rao" are one name; good enough for a hint, never for choosing an account. */
export const nameKey = (name: string): string =>
  (name.normalize("NFKC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).sort().join(" ");
