import type { MatchStatus } from "../people/match_person.ts";
import type { Facts } from "./reason_words.ts";

/** Why a person of the LMS has no account, and what would give them one. */
export const ACCOUNTS: Readonly<Record<MatchStatus, { readonly says: string; readonly change: string }>> = {
  matched: { says: "found by address", change: "Nothing: the account was found meanwhile" },
  override: { says: "set by users.overrides", change: "Nothing: the account is set" },
  no_email: { says: "no address in the LMS", change: "Enter an address in the LMS or set users.overrides" },
  placeholder: {
    says: "a placeholder address in the LMS (users.placeholder_domains)",
    change: "Enter a real address in the LMS or set users.overrides",
  },
  no_account: {
    says: "no account with their address",
    change: "Invite them to Zulip, correct the address in the LMS or set users.overrides",
  },
  hidden: {
    says: "an account of their name hides its address from the bot (hidden address)",
    change: "Give the bot a role that sees addresses, or set users.overrides",
  },
  duplicate: {
    says: "several mentors or several Zulip accounts have this one address (duplicate account)",
    change: "Deactivate all but one account, give each mentor their own address, or set users.overrides",
  },
  deactivated: { says: "their account is deactivated", change: "Reactivate it or set users.overrides" },
  unknown_override: {
    says: "users.overrides names an account that does not exist",
    change: "Correct users.overrides, best to a Zulip user id",
  },
};

/** Why a mentor has no account, in words. */
export function accountWords({ account }: Facts): string {
  if (account === null) return "not looked for yet";
  return isMatchStatus(account.status) ? ACCOUNTS[account.status].says : account.status;
}

/** What would give a mentor an account. */
export function accountRemedy({ account }: Facts): string {
  if (account === null || !isMatchStatus(account.status)) return "`lmsmon map-users` looks for it";
  return ACCOUNTS[account.status].change;
}

/** Whether the table of accounts knows the word. */
export function isMatchStatus(status: string): status is MatchStatus {
  return Object.hasOwn(ACCOUNTS, status);
}
