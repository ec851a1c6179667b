import type { Config, FormerState } from "./config.ts";
import type { zulipTls } from "./env_overrides.ts";
import type { Connections } from "./read_connections.ts";
import type { RawConfig } from "./schema.ts";

export interface NormaliseContext {
  readonly file: string | null;
  /** Paths of the file are relative to its folder. */
  readonly pathOf: (path: string) => string;
  readonly tls: ReturnType<typeof zulipTls>;
  readonly secretFiles: readonly string[];
  readonly formerState: FormerState | null;
}

/** From names and shapes of the file to those of the program. Everything was checked before. */
export function normalise(raw: RawConfig, { lms, state, zulip }: Connections, context: NormaliseContext): Config {
  const { notify, students, users } = raw;
  return {
    enabled: raw.enabled,
    lms: {
      name: raw.lms.name ?? raw.lms.preset,
      url: lms?.url ?? "",
      password: lms?.password ?? null,
      ...(lms?.keyPassword ? { keyPassword: lms.keyPassword } : {}),
      preset: raw.lms.preset,
      timezone: raw.lms.timezone,
      links: Object.fromEntries(Object.entries(raw.lms.links).flatMap(([k, v]) => v === null ? [] : [[k, v]])),
      statementTimeoutMs: raw.lms.statement_timeout,
      examDurationUnit: raw.lms.exam_duration_unit,
    },
    state: {
      url: state?.url ?? "",
      password: state?.password ?? null,
      ...(state?.keyPassword ? { keyPassword: state.keyPassword } : {}),
      ...(context.formerState === null ? {} : { former: context.formerState }),
    },
    poll: {
      intervalMs: raw.poll.interval,
      fullPassMs: raw.poll.full_pass,
      eventTypes: raw.poll.event_types,
    },
    notify: {
      enabled: notify.enabled,
      immediate: notify.immediate,
      digest: {
        // Whoever moves a type to `immediate` need not also take it out of the digest's default list.
        events: notify.digest.events.filter((type) => !notify.immediate.includes(type)),
        at: [...new Set(notify.digest.at)].sort((a, b) => a - b),
      },
      digestAbove: notify.digest_above,
      gatherMs: notify.gather,
      quiet: notify.quiet,
      maxPerMentor: notify.max_per_mentor,
      revisions: notify.revisions,
      maxAgeMs: notify.max_age,
      mentorGraceMs: notify.mentor_grace,
      accountGraceMs: notify.account_grace,
      fallback: notify.fallback,
      fuse: notify.fuse === null
        ? null
        : { messagesPerPoll: notify.fuse.messages_per_poll, revisionsPerPoll: notify.fuse.revisions_per_poll },
      timezone: notify.timezone,
      maxAttempts: notify.max_attempts,
    },
    students: {
      activeOnly: students.active_only,
      excludeUsernames: students.exclude_usernames,
      batches: students.batches,
    },
    admin: raw.admin,
    zulip: {
      requestTimeoutMs: raw.zulip.request_timeout,
      settleMs: raw.zulip.settle,
      ...zulip,
      ...context.tls,
    },
    users: {
      overrides: users.overrides,
      placeholderDomains: users.placeholder_domains.map((domain) => domain.toLowerCase().replace(/^@/, "")),
      cacheMs: users.cache,
    },
    export: raw.export,
    privacy: { journal: raw.privacy.journal === null ? null : context.pathOf(raw.privacy.journal) },
    log: raw.log,
    listen: raw.listen,
    secretFiles: context.secretFiles,
    file: context.file,
  };
}
