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
