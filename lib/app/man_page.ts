import type { CommandModel, FlagModel, ProgramModel } from "./program_model.ts";

/** Of troff: a backslash, and a point or an apostrophe at the beginning of a line. */
function text(value: string): string {
  const ascii = value.replaceAll("…", "...").replaceAll("\\", "\\e").replace(/-/g, "\\-").replace(/^([.'])/gm, "\\&$1");
  return [...ascii].map((sign) =>
    sign < "\x7f" ? sign : `\\[u${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`
  )
    .join("");
}

/** `man lmsmon` from the very definitions that `--help` shows. `date`: of the build, or of today. Pure. */
export function manPage(program: ProgramModel, date: string): string {
  return [
    `.\\" made by: lmsmon man`,
    `.TH LMSMON 1 "${date}" "${text(program.version)}" "User Commands"`,
    ".SH NAME",
    `lmsmon \\- ${text(program.about.charAt(0).toLowerCase() + program.about.slice(1).replace(/\.$/, ""))}`,
    ".SH SYNOPSIS",
    ".B lmsmon",
    "[\\fIGLOBAL OPTIONS\\fR] \\fICOMMAND\\fR [\\fIOPTIONS\\fR]",
    ".SH DESCRIPTION",
    text(program.about),
    "Results go to standard output, logs to standard error; with \\fB\\-\\-json\\fR a result is one JSON value.",
    ".SH GLOBAL OPTIONS",
    ...program.flags.flatMap(flag),
    ".SH COMMANDS",
    ...program.commands.flatMap((command) => commandPart(command, "")),
    ".SH EXIT STATUS",
    ...[
      ["0", "done; also when mentors are unmatched, deliveries dead, or a signal ended watch cleanly"],
      ["1", "failed: state database unreachable, a missing LMS table, another process polls"],
      ["2", "wrong usage or configuration"],
      ["3", "the state database is not migrated, or newer than the program"],
      ["4", "the LMS or Zulip could not be reached or refused the credentials"],
      ["130, 143", "stopped by SIGINT or SIGTERM (watch: by a second one)"],
    ].flatMap(([code = "", what = ""]) => [".TP", `.B ${code}`, text(what)]),
    ".SH ENVIRONMENT",
    ...[
      ["LMSMON_CONFIG", "the configuration file"],
      ["LMS_ACTIVITY_MONITOR_ENABLED, LMS_ACTIVITY_POLL_INTERVAL", "beat enabled and poll.interval (seconds)"],
      ["LMS_NOTIFY_MENTORS_ENABLED, LMS_EVENT_TYPES_TO_MONITOR", "beat notify.enabled and poll.event_types"],
      ["ZULIP_SITE, ZULIP_EMAIL, ZULIP_API_KEY, ZULIP_CONFIG", "where the file says nothing"],
      ["NO_COLOR", "no colours on a terminal"],
    ].flatMap(([name = "", what = ""]) => [".TP", `.B ${text(name)}`, text(what)]),
    ".SH FILES",
    ...["./config.yaml", "~/.config/lmsmon/config.yaml", "/etc/lmsmon/config.yaml"].flatMap((
      path,
    ) => [".TP", `.I ${text(path)}`]),
    "The configuration; the first that is there.",
    ".SH SIGNALS",
    "SIGINT and SIGTERM end after the work in hand, a second one at once. SIGHUP has \\fBwatch\\fR read its configuration again.",
    "",
  ].join("\n");
}

function flag({ short, long, value, about }: FlagModel): string[] {
  const names = [...(short === null ? [] : [short]), long].map((name) => `\\fB${text(name)}\\fR`).join(", ");
  return [
    ".TP",
    `${names}${value === null ? "" : ` \\fI${text(value)}\\fR`}`,
    text(about === "" ? "see above" : about),
  ];
}

function commandPart(command: CommandModel, before: string): string[] {
  const name = `${before}${command.name}`;
  const own = command.flags.filter(({ long }) => long !== "--help");
  return [
    `.SS ${text(name)} ${text(command.usage)}`.trimEnd(),
    text(command.about),
    ...own.flatMap(flag),
    ...command.examples.length === 0 ? [] : [
      ".PP",
      "Examples:",
      ...command.examples.flatMap((
        { line, about },
      ) => [".RS", ".nf", `lmsmon ${text(line)}`, ".fi", text(about), ".RE"]),
    ],
    ...command.commands.flatMap((sub) => commandPart(sub, `${name} `)),
  ];
}
