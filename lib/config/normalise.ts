import type { Config, FormerState, MappingText } from "./config.ts";
import type { zulipTls } from "./env_overrides.ts";
import type { EffectiveKey } from "./effective.ts";
import type { Connections } from "./read_connections.ts";
import type { RawConfig } from "./schema.ts";

export interface NormaliseContext {
  readonly file: string | null;
  readonly passedOver: readonly string[];
  readonly mapping: MappingText | null;
  readonly tls: ReturnType<typeof zulipTls>;
  readonly secretFiles: readonly string[];
  /** Makes a path of the file absolute. */
  readonly absolute: (path: string) => string;
  readonly formerState: FormerState | null;
  readonly effective: readonly EffectiveKey[];
}

/** From names and shapes of the file to those of the program. Everything was checked before. */
export function normalise(raw: RawConfig, { lms, state, zulip }: Connections, context: NormaliseContext): Config {
  const { notify, students, users } = raw;
  const name = raw.lms.name ?? raw.lms.preset;
  return {
    enabled: raw.enabled,
    source: { name, links: linksOf(raw.lms), staleAfterMs: raw.lms.stale_after },
    lms: {
      name,
      url: lms?.url ?? "",
      password: lms?.password ?? null,
      ...(lms?.keyPassword ? { keyPassword: lms.keyPassword } : {}),
      preset: raw.lms.preset,
      mapping: context.mapping,
      timezone: raw.lms.timezone,
      statementTimeoutMs: raw.lms.statement_timeout,
      examDurationUnit: raw.lms.exam_duration_unit,
      moodle: {
        prefix: raw.lms.moodle.prefix,
        mentorRoles: raw.lms.moodle.mentor_roles,
        media: raw.lms.moodle.media,
        assignments: raw.lms.moodle.assignments,
      },
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
      redirectTo: notify.redirect_to,
    },
    students: {
      activeOnly: students.active_only,
      excludeUsernames: students.exclude_usernames,
      batches: students.batches,
    },
    format: raw.format,
    admin: { to: raw.admin.to, reportAt: raw.admin.report_at, on: raw.admin.on },
    health: { pingUrl: raw.health.ping_url },
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
    insights: {
      constants: raw.insights.constants === null ? null : context.absolute(raw.insights.constants),
      at: raw.insights.at,
      tell: raw.insights.tell,
    },
    privacy: { journal: raw.privacy.journal === null ? null : context.absolute(raw.privacy.journal) },
    retention: {
      eventsMs: raw.retention.events,
      messageTextMs: raw.retention.message_text,
      auditMs: raw.retention.audit,
    },
    log: raw.log,
    listen: raw.listen,
    secretFiles: context.secretFiles,
    file: context.file,
    passedOver: context.passedOver,
    effective: context.effective,
  };
}

/** Templates as they are given; a Moodle whose address is known has its own pages for what is not. */
function linksOf({ links, preset, moodle }: RawConfig["lms"]): Record<string, string> {
  const own = preset === "moodle" && moodle.url !== null
    ? {
      exam_attempt: `${moodle.url}/mod/quiz/review.php?attempt={attempt_id}`,
      assignment: `${moodle.url}/mod/assign/view.php?id={activity_id}`,
      content: `${moodle.url}/mod/{content_type}/view.php?id={activity_id}`,
    }
    : {};
  return { ...own, ...Object.fromEntries(Object.entries(links).flatMap(([k, v]) => v === null ? [] : [[k, v]])) };
}
