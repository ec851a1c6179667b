/** What the process's exit code means; the README has the same table. */
export const ExitCode = {
  /** Also when mentors are unmatched, deliveries dead, or SIGTERM ended `watch` cleanly. */
  done: 0,
  /** State database unreachable, a missing LMS table, an unwritable file, a bug. */
  failed: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** State database not migrated, or newer than the program. */
  migration: 3,
  /** The LMS or Zulip could not be reached or refused the credentials. */
  unreachable: 4,
  /** Stopped by SIGINT: a one-shot command after the batch in hand, `watch` by a second one. */
  interrupted: 130,
  /** The same by SIGTERM. */
  terminated: 143,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
