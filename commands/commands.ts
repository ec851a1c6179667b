import type { CommandUnknownOpts } from "@commander-js/extra-typings";

export interface CommandEntry {
  readonly name: string;
  /** One line of `lmsmon --help`. */
  readonly about: string;
  /** Its flags and what they start. */
  readonly load: () => Promise<CommandUnknownOpts>;
}

/**
 * A module's name that Deno must not see before the module is asked for: it reads all that literal names lead to before anything runs
 * (2.9.6), and with that a start took twice as long. The bundler and the type checker see it all the same.
 */
type OnDemand = string;

/** The subcommands in the order of the help. Each one's file is loaded when it is asked for: a start reads no other. */
export const commands: readonly CommandEntry[] = [
  {
    name: "migrate",
    about: "bring the state database to this version; safe to run by several at once",
    load: async () => (await import("./migrate.ts" as OnDemand) as typeof import("./migrate.ts")).migrateCommand,
  },
  {
    name: "poll-once",
    about: "one full poll and one delivery round, then exit; prints what it found and sent",
    load: async () => (await import("./poll_once.ts" as OnDemand) as typeof import("./poll_once.ts")).pollOnceCommand,
  },
  {
    name: "watch",
    about: "the daemon: poll, deliver, wait; several may run, one polls, all deliver",
    load: async () => (await import("./watch.ts" as OnDemand) as typeof import("./watch.ts")).watchCommand,
  },
  {
    name: "notify-test",
    about: "send one labelled direct message; prints its id and what it learnt about server, bot and rights",
    load: async () =>
      (await import("./notify_test.ts" as OnDemand) as typeof import("./notify_test.ts")).notifyTestCommand,
  },
  {
    name: "export-ai",
    about: "events, attempts, students or weeks as JSON lines, CSV, Parquet or xAPI",
    load: async () => (await import("./export_ai.ts" as OnDemand) as typeof import("./export_ai.ts")).exportAiCommand,
  },
  {
    name: "consumers",
    about: "who takes the export step by step, and how far behind each is; drop NAME forgets one",
    load: async () => (await import("./consumers.ts" as OnDemand) as typeof import("./consumers.ts")).consumersCommand,
  },
  {
    name: "schema",
    about: "the JSON Schema of a line: event, latest, student, week, pattern, erasure",
    load: async () => (await import("./schema.ts" as OnDemand) as typeof import("./schema.ts")).schemaCommand,
  },
  {
    name: "insights",
    about: "who has gone quiet and who struggles, with reasons; evaluate and fit hold it against outcomes",
    load: async () => (await import("./insights.ts" as OnDemand) as typeof import("./insights.ts")).insightsCommand,
  },
  {
    name: "report",
    about: "a page to look at: both lists, and what those on them did week by week; one file, or one for each mentor",
    load: async () => (await import("./report.ts" as OnDemand) as typeof import("./report.ts")).reportCommand,
  },
  {
    name: "history",
    about: "everything about one student in order, for people, programs or a language model, within a budget",
    load: async () => (await import("./history.ts" as OnDemand) as typeof import("./history.ts")).historyCommand,
  },
  {
    name: "mcp",
    about: "answer an AI agent on stdin and stdout (Model Context Protocol): read-only, pseudonymous",
    load: async () => (await import("./mcp.ts" as OnDemand) as typeof import("./mcp.ts")).mcpCommand,
  },
  {
    name: "preset",
    about: "how an LMS's tables are read: print a preset or mapping, or try it against the LMS",
    load: async () => (await import("./preset.ts" as OnDemand) as typeof import("./preset.ts")).presetCommand,
  },
  {
    name: "privacy",
    about: "all that is kept of a person: show it, or erase it; reapply a journal of erasures",
    load: async () => (await import("./privacy.ts" as OnDemand) as typeof import("./privacy.ts")).privacyCommand,
  },
  {
    name: "map-users",
    about: "which LMS mentors (and students) have a Zulip account, which do not, and why",
    load: async () => (await import("./map_users.ts" as OnDemand) as typeof import("./map_users.ts")).mapUsersCommand,
  },
  {
    name: "release",
    about: "messages held by the fuse: list them, let them go, or drop them",
    load: async () => (await import("./release.ts" as OnDemand) as typeof import("./release.ts")).releaseCommand,
  },
  {
    name: "init",
    about: "ask what is needed, try each answer against the real thing, write the configuration and say what to grant",
    load: async () => (await import("./init.ts" as OnDemand) as typeof import("./init.ts")).initCommand,
  },
  {
    name: "explain",
    about:
      "why was X not told about Y? what happened to an event, a student's or a mentor's news, and which rule said no",
    load: async () => (await import("./explain.ts" as OnDemand) as typeof import("./explain.ts")).explainCommand,
  },
  {
    name: "pause",
    about: "tell nothing for a while, of everything, a mentor, a student or an exam; all of it is kept",
    load: async () => (await import("./pause.ts" as OnDemand) as typeof import("./pause.ts")).pauseCommand,
  },
  {
    name: "resume",
    about: "end a pause: what was kept goes out, as after an outage",
    load: async () => (await import("./resume.ts" as OnDemand) as typeof import("./resume.ts")).resumeCommand,
  },
  {
    name: "retry",
    about: "try again now what was given up or refused",
    load: async () => (await import("./retry.ts" as OnDemand) as typeof import("./retry.ts")).retryCommand,
  },
  {
    name: "preview",
    about: "a stored day through the configuration as it is now: messages per mentor, and what the rules hold back",
    load: async () => (await import("./preview.ts" as OnDemand) as typeof import("./preview.ts")).previewCommand,
  },
  {
    name: "config",
    about: "the configuration as it holds, where each value comes from, and whether it is right; secrets are masked",
    load: async () => (await import("./config.ts" as OnDemand) as typeof import("./config.ts")).configCommand,
  },
  {
    name: "reload",
    about: "have running watches read their configuration again; they keep the old one if the new one is wrong",
    load: async () => (await import("./reload.ts" as OnDemand) as typeof import("./reload.ts")).reloadCommand,
  },
  {
    name: "audit",
    about: "who did what to lmsmon by hand, from where, and what came of it",
    load: async () => (await import("./audit.ts" as OnDemand) as typeof import("./audit.ts")).auditCommand,
  },
  {
    name: "reconcile",
    about: "after a state restored from a backup: mark as sent what the bot's own messages show as sent",
    load: async () => (await import("./reconcile.ts" as OnDemand) as typeof import("./reconcile.ts")).reconcileCommand,
  },
  {
    name: "state",
    about: "the state database as such: copy, dump, restore or check it",
    load: async () => (await import("./state.ts" as OnDemand) as typeof import("./state.ts")).stateCommand,
  },
  {
    name: "stats",
    about: "what the state database holds: events, deliveries by state, polls, quarantine",
    load: async () => (await import("./stats.ts" as OnDemand) as typeof import("./stats.ts")).statsCommand,
  },
  {
    name: "doctor",
    about: "check configuration, LMS, state database and Zulip; names what is wrong and the remedy",
    load: async () => (await import("./doctor.ts" as OnDemand) as typeof import("./doctor.ts")).doctorCommand,
  },
  {
    name: "completion",
    about: "a script for bash, zsh or fish: commands, flags and what values they take",
    load: async () =>
      (await import("./completion.ts" as OnDemand) as typeof import("./completion.ts")).completionCommand,
  },
  {
    name: "man",
    about: "the manual page: lmsmon man | man -l -",
    load: async () => (await import("./man.ts" as OnDemand) as typeof import("./man.ts")).manCommand,
  },
  {
    name: "version",
    about: "program, commit, build, Deno and the schema of the state",
    load: async () => (await import("./version.ts" as OnDemand) as typeof import("./version.ts")).versionCommand,
  },
  {
    name: "demo",
    about: "the whole thing with no server and no configuration: made-up students, real messages",
    load: async () => (await import("./demo.ts" as OnDemand) as typeof import("./demo.ts")).demoCommand,
  },
];
