import { z } from "zod";
import { EVENT_TYPES, typesToldAt } from "../model/event_types.ts";
import { NAMES_FORMS } from "../model/told_event.ts";
import {
  bool,
  duration,
  eventTypes,
  FieldError,
  filledText,
  idText,
  linkTemplate,
  listenAddress,
  listOf,
  minuteOfDay,
  nullable,
  oneOf,
  pingUrl,
  quietHours,
  rate,
  type Reader,
  readParts,
  roleNames,
  secretText,
  shown,
  siteUrl,
  tablePrefix,
  text,
  timezone,
  wholeNumber,
  zeroOr,
  zulipSite,
} from "./fields.ts";
import { ADMIN_TOPICS } from "./config.ts";
import { Filled } from "./fill_env.ts";
import { weekly } from "./weekly_field.ts";

/** How the LMS's tables read; one file each in sql/lms/presets. The first is the default. */
export const PRESETS = ["testpress", "moodle", "custom"] as const;

const SECOND = 1000;
const DAY = 86_400 * SECOND;
/** Timers and databases count the milliseconds of a time limit in 31 bits: one beyond that would be over at once. */
const LONGEST_LIMIT_DAYS = 24;

const fallbacks = new WeakMap<z.ZodType, unknown>();

/** The default of a key as it would be written in YAML; undefined of what is no single key. */
export function fallbackOf(type: z.ZodType): { readonly value: unknown } | undefined {
  return fallbacks.has(type) ? { value: fallbacks.get(type) } : undefined;
}

/** One key: `fallback` is its default as it would be written in YAML, read by the same reader. */
function key<T>(read: Reader<T>, fallback: unknown) {
  const type = z.unknown().transform((raw, ctx): T => {
    try {
      return read(raw);
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      for (const { message, index } of [error, ...error.others]) {
        ctx.addIssue({ code: "custom", message, path: index === null ? [] : [index] });
      }
      return z.NEVER;
    }
  }).prefault(fallback);
  fallbacks.set(type, fallback);
  return type;
}

/** A group of keys. An empty one (all its keys commented out) has all its defaults. */
function group<S extends z.ZodRawShape>(shape: S) {
  return z.preprocess((raw) => raw === null ? {} : raw, z.strictObject(shape)).prefault({});
}

/** null = off. */
function optionalGroup<S extends z.ZodRawShape>(shape: S) {
  return z.preprocess((raw) => raw === undefined ? {} : raw, z.strictObject(shape).nullable()).prefault({});
}

const secret = nullable(secretText);
/** Somebody may have written the secret itself where the path of its file belongs. */
const path: Reader<string | null> = (raw) => secret(raw) === null ? null : filledText(raw);

const fallbackChannel: Reader<{ channel: string; topic: string } | null> = (raw) => {
  if (raw === null || raw === "none") return null;
  const isGroup = typeof raw === "object" && raw !== null && "channel" in raw && "topic" in raw;
  if (!isGroup || Object.keys(raw).length !== 2) {
    throw new FieldError(`must be none or {channel: NAME, topic: TOPIC}, not ${shown(raw)}`);
  }
  const [channel = "", topic = ""] = readParts([
    ["channel", () => shortName(raw.channel)],
    ["topic", () => shortName(raw.topic)],
  ]);
  return { channel, topic };
};

const shortName: Reader<string> = (raw) => {
  const value = filledText(raw);
  if ([...value].length > 60) throw new FieldError("must have at most 60 characters");
  return value;
};

const overrides: Reader<Map<string, string>> = (raw) => {
  const map = new Map<string, string>();
  if (raw === null) return map;
  if (typeof raw !== "object" || Array.isArray(raw)) {
    throw new FieldError(`must be a group of "lms email or username: zulip user id or email", not ${shown(raw)}`);
  }
  const add = (name: string, value: unknown) => {
    const person = name.trim().toLowerCase();
    const account = idText(value);
    if ((map.get(person) ?? account) !== account) throw new FieldError("is given twice, with different accounts");
    map.set(person, account);
  };
  readParts(Object.entries(raw).map(([name, value]) => [name, () => add(name, value)]));
  return map;
};

const LEVELS = ["debug", "info", "warning", "error"] as const;
/** Half the world writes warn. */
const logLevel: Reader<(typeof LEVELS)[number]> = (raw) =>
  (typeof raw === "string" || raw instanceof Filled) && /^\s*warn\s*$/.test(text(raw)) ? "warning" : oneOf(LEVELS)(raw);

/** A file, or the mapping itself: mapping_text.ts reads it, and lib/source/mapping.ts checks it. */
const mapping: Reader<unknown> = (raw) =>
  raw === null || (typeof raw === "object" && !(raw instanceof Filled) && !Array.isArray(raw)) ? raw : filledText(raw);

const sourceName: Reader<string> = (raw) => {
  const name = filledText(raw);
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name)) return name;
  throw new FieldError(`must be a short name of letters, digits, "_", "." and "-", not ${shown(raw)}`);
};

const lmsId: Reader<string> = (raw) => {
  const id = idText(raw);
  if (/^\d{1,19}$/.test(id)) return BigInt(id).toString();
  throw new FieldError(`must be an id (a whole number), not ${shown(raw)}`);
};

const exportSchema: Reader<1 | 2> = (raw) => {
  const word = raw instanceof Filled ? raw.text.trim() : typeof raw === "object" ? "" : String(raw);
  if (word === "1") return 1;
  if (word === "2") return 2;
  throw new FieldError(`must be 1 or 2, not ${shown(raw)}`);
};

/** The whole file, raw: names, shapes and single values. What needs more than one key is in load_config.ts. */
export const schema = z.strictObject({
  enabled: key(bool, true),
  lms: group({
    name: key(nullable(sourceName), null),
    url: key(nullable(secretText), null),
    password: key(secret, null),
    password_file: key(path, null),
    preset: key(oneOf(PRESETS), PRESETS[0]),
    mapping: key(mapping, null),
    timezone: key(timezone, "UTC"),
    links: group({
      exam_attempt: key(nullable(linkTemplate), null),
      assignment: key(nullable(linkTemplate), null),
      content: key(nullable(linkTemplate), null),
    }),
    statement_timeout: key(duration(SECOND, LONGEST_LIMIT_DAYS), "30s"),
    stale_after: key(nullable(duration(SECOND)), null),
    exam_duration_unit: key(oneOf(["auto", "minutes", "seconds"]), "auto"),
    moodle: group({
      prefix: key(tablePrefix, "mdl_"),
      mentor_roles: key(roleNames, ["mentor", "parent"]),
      media: key(listOf(filledText), ["h5pactivity", "hvp"]),
      assignments: key(bool, false),
      url: key(nullable(siteUrl), null),
    }),
  }),
  state: group({
    url: key(nullable(secretText), null), // its default depends on where the file lies (default_state.ts)
    password: key(secret, null),
    password_file: key(path, null),
  }),
  poll: group({
    interval: key(duration(SECOND), "60s"),
    full_pass: key(duration(SECOND), "10m"),
    event_types: key(eventTypes, EVENT_TYPES),
  }),
  notify: group({
    enabled: key(bool, true),
    immediate: key(eventTypes, typesToldAt("immediate")),
    digest: group({
      events: key(eventTypes, typesToldAt("digest")),
      at: key(listOf(minuteOfDay), ["13:30", "20:30"]),
    }),
    digest_above: key(wholeNumber(0), 1n),
    gather: key(zeroOr(duration(0)), "10m"),
    quiet: key(nullable(quietHours), null),
    max_per_mentor: key(nullable(rate), "12/h"),
    revisions: key(oneOf(["verdict", "score", "none"]), "verdict"),
    max_age: key(nullable(duration(0)), "72h"),
    mentor_grace: key(duration(0), "24h"),
    account_grace: key(duration(0), "7d"),
    fallback: key(fallbackChannel, "none"),
    fuse: optionalGroup({
      messages_per_poll: key(wholeNumber(1), 2000n),
      revisions_per_poll: key(wholeNumber(1), 500n),
    }),
    timezone: key(timezone, "Asia/Kolkata"),
    max_attempts: key(wholeNumber(1), 8n),
    redirect_to: key(nullable(idText), null),
  }),
  students: group({
    active_only: key(bool, true),
    exclude_usernames: key(listOf(idText), []),
    batches: key(listOf(lmsId), []),
  }),
  format: group({ names: key(oneOf(NAMES_FORMS), "full") }),
  admin: group({
    to: key(nullable(idText), null),
    report_at: key(nullable(minuteOfDay), null),
    on: key(listOf(oneOf(ADMIN_TOPICS)), [...ADMIN_TOPICS]),
  }),
  health: group({ ping_url: key(nullable(pingUrl), null) }),
  zulip: group({
    request_timeout: key(duration(SECOND, LONGEST_LIMIT_DAYS), "15s"),
    settle: key(duration(SECOND), "90s"),
    config_file: key(path, null),
    site: key(nullable(zulipSite), null),
    email: key(nullable(filledText), null),
    api_key: key(secret, null),
    api_key_file: key(path, null),
  }),
  users: group({
    overrides: key(overrides, {}),
    placeholder_domains: key(listOf(filledText), ["noemail.local"]),
    cache: key(duration(0), "1h"),
  }),
  export: group({ schema: key(exportSchema, 2n) }),
  insights: group({
    constants: key(path, null),
    at: key(nullable(minuteOfDay), "06:00"),
    tell: key(weekly, null),
  }),
  privacy: group({ journal: key(nullable(filledText), null) }),
  retention: group({
    events: key(nullable(duration(DAY)), null),
    message_text: key(nullable(duration(DAY)), null),
    audit: key(nullable(duration(DAY)), null),
  }),
  log: group({
    level: key(logLevel, "info"),
    format: key(oneOf(["auto", "pretty", "json"]), "auto"),
  }),
  listen: key(nullable(listenAddress), null),
});

export type RawConfig = z.output<typeof schema>;
