import type { Person } from "../../lib/model/person.ts";
import type { ZulipUser } from "../../lib/bot/zulip_api.ts";

export const mentor = (id: string, values: Partial<Person> = {}): Person => ({
  role: "mentor",
  id,
  username: `m${id}`,
  email: `m${id}@inst.example`,
  name: `Mentor ${id}`,
  active: true,
  batchIds: [],
  ...values,
});

export const student = (id: string, values: Partial<Person> = {}): Person => ({
  ...mentor(id),
  role: "student",
  username: `s${id}`,
  email: `s${id}@inst.example`,
  name: `Student ${id}`,
  ...values,
});

export const account = (userId: string, deliveryEmail: string | null, values: Partial<ZulipUser> = {}): ZulipUser => ({
  userId,
  deliveryEmail,
  fullName: `Zulip person ${userId}`,
  isActive: true,
  isBot: false,
  ...values,
});
