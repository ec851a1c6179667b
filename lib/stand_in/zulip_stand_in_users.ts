import { flag, refused } from "./zulip_stand_in_params.ts";
import type { StandInRealm } from "./zulip_stand_in_realm.ts";
import type { StandInUser } from "./zulip_stand_in_types.ts";

type Body = Record<string, unknown>;

/** GET /users, in an order of its own, as Zulip's is. */
export function listUsers(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams): Body {
  const shown = shownAs(query);
  return { members: [...realm.users.values()].reverse().map((user) => userObject(realm, viewer, user, shown)) };
}

/** GET /users/me. */
export function ownUser(realm: StandInRealm, viewer: StandInUser): Body {
  const own = userObject(realm, viewer, viewer, { gravatar: false, profile: false });
  return { ...own, max_message_id: realm.messages.at(-1)?.id ?? -1 };
}

/** GET /users/ID and /users/ADDRESS. */
export function oneUser(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams, wanted: string): Body {
  const shown = shownAs(query);
  return { user: userObject(realm, viewer, lookUp(realm, viewer, wanted), shown) };
}

/** `null` where the client can compute the picture's address itself, which it cannot of a hidden e-mail address. */
export function avatarUrl(user: StandInUser, clientGravatar: boolean): string | null {
  if (clientGravatar && user.emailVisibility === 1) return null;
  return `https://secure.gravatar.com/avatar/${String(user.id).padStart(32, "0")}?d=identicon&version=1`;
}

function lookUp(realm: StandInRealm, viewer: StandInUser, wanted: string): StandInUser {
  const address = wanted.toLowerCase();
  const found = /^\d+$/.test(wanted)
    ? realm.users.get(Number(wanted))
    : realm.users.values().find((user) =>
      realm.apiEmail(user).toLowerCase() === address ||
      (realm.featureLevel >= 302 && user.email.toLowerCase() === address && realm.seesAddress(viewer, user))
    );
  if (found === undefined) throw refused("No such user");
  return found;
}

interface Shown {
  readonly gravatar: boolean;
  readonly profile: boolean;
}

function shownAs(query: URLSearchParams): Shown {
  return {
    gravatar: flag(query, "client_gravatar", true),
    profile: flag(query, "include_custom_profile_fields", false),
  };
}

function userObject(realm: StandInRealm, viewer: StandInUser, user: StandInUser, shown: Shown): Body {
  const visible = realm.seesAddress(viewer, user) || viewer.id === user.id;
  return {
    user_id: user.id,
    email: realm.apiEmail(user),
    ...(realm.featureLevel >= 163 || visible ? { delivery_email: visible ? user.email : null } : {}),
    full_name: user.fullName,
    is_active: user.isActive,
    is_bot: user.isBot,
    ...(user.isBot ? { bot_type: user.botType, bot_owner_id: user.ownerId } : {}),
    role: user.role,
    is_owner: user.role === 100,
    is_admin: user.role <= 200,
    is_guest: user.role === 600,
    ...(realm.featureLevel < 363 ? { is_billing_admin: false } : {}),
    timezone: user.timezone ?? "",
    date_joined: "2025-01-01T00:00+00:00",
    avatar_url: avatarUrl(user, shown.gravatar),
    avatar_version: 1,
    ...(realm.featureLevel >= 433 ? { is_imported_stub: false } : {}),
    ...(shown.profile && !user.isBot ? { profile_data: profileOf(user) } : {}),
  };
}

function profileOf(user: StandInUser): Body {
  return Object.fromEntries(
    Object.entries(user.profile).map(([field, value]) => [field, { value, rendered_value: `<p>${value}</p>` }]),
  );
}
