import type { CommandUnknownOpts } from "@commander-js/extra-typings";

export interface CommandEntry {
  readonly name: string;
  /** One line of `lmsmon --help`. */
  readonly about: string;
  /** Its flags and what they start. */
  readonly load: () => Promise<CommandUnknownOpts>;
}

/** The subcommands in the order of the help. Each one's file is loaded when it is asked for: a start reads no other. */
export const commands: readonly CommandEntry[] = [
  {
    name: "migrate",
    about: "bring the state database to this version; safe to run by several at once",
    load: async () => (await import("./migrate.ts")).migrateCommand,
  },
  {
    name: "poll-once",
    about: "one full poll and one delivery round, then exit; prints what it found and sent",
    load: async () => (await import("./poll_once.ts")).pollOnceCommand,
  },
  {
    name: "watch",
    about: "the daemon: poll, deliver, wait; several may run, one polls, all deliver",
    load: async () => (await import("./watch.ts")).watchCommand,
  },
  {
    name: "notify-test",
    about: "send one labelled direct message; prints its id and what it learnt about server, bot and rights",
    load: async () => (await import("./notify_test.ts")).notifyTestCommand,
  },
  {
    name: "export-ai",
    about: "events, attempts, students or weeks as JSON lines, CSV, Parquet or xAPI",
    load: async () => (await import("./export_ai.ts")).exportAiCommand,
  },
  {
    name: "consumers",
    about: "who takes the export step by step, and how far behind each is; drop NAME forgets one",
    load: async () => (await import("./consumers.ts")).consumersCommand,
  },
  {
    name: "schema",
    about: "the JSON Schema of a line: event, latest, student, week, erasure",
    load: async () => (await import("./schema.ts")).schemaCommand,
  },
  {
    name: "privacy",
    about: "all that is kept of a person: show it, or erase it; reapply a journal of erasures",
    load: async () => (await import("./privacy.ts")).privacyCommand,
  },
  {
    name: "map-users",
    about: "which LMS mentors (and students) have a Zulip account, which do not, and why",
    load: async () => (await import("./map_users.ts")).mapUsersCommand,
  },
  {
    name: "release",
    about: "messages held by the fuse: list them, let them go, or drop them",
    load: async () => (await import("./release.ts")).releaseCommand,
  },
  {
    name: "reconcile",
    about: "after a state restored from a backup: mark as sent what the bot's own messages show as sent",
    load: async () => (await import("./reconcile.ts")).reconcileCommand,
  },
  {
    name: "stats",
    about: "what the state database holds: events, deliveries by state, polls, quarantine",
    load: async () => (await import("./stats.ts")).statsCommand,
  },
  {
    name: "doctor",
    about: "check configuration, LMS, state database and Zulip; names what is wrong and the remedy",
    load: async () => (await import("./doctor.ts")).doctorCommand,
  },
  {
    name: "demo",
    about: "the whole thing with no server and no configuration: made-up students, real messages",
    load: async () => (await import("./demo.ts")).demoCommand,
  },
];
