import { isAbsolute, resolve } from "node:path";
import { stringify } from "yaml";
import type { InitOptions } from "./command_options.ts";

/** What was answered so far; a flag or a question that nobody came to yet is missing. */
export type Answers = Partial<Record<keyof InitOptions["answers"], string>>;

/** The configuration with what each part is for, as far as it is answered; paths as they were given, relative ones made absolute. */
export function configText(answers: Answers): string {
  const path = (text: string) => isAbsolute(text) || /^(~|\$\{)/.test(text) ? text : resolve(text);
  const value = (text: string) => stringify(text).trimEnd();
  const { lmsUrl, lmsPasswordFile = "", stateUrl = "", statePasswordFile = "", zuliprc, timezone } = answers;
  const lines = [
    "# Written by lmsmon init. config.example.yaml and the README say what else there is; `lmsmon config` shows all that holds.",
    ...lmsUrl === undefined ? [] : [
      "lms:",
      "  # read-only: a role that may SELECT is enough",
      `  url: ${value(lmsUrl)}`,
      ...lmsPasswordFile === "" ? [] : [`  password_file: ${value(path(lmsPasswordFile))}`],
    ],
    "state:",
    "  # lmsmon's own database: never the LMS's",
    // Without an address it lies where the configuration's place says: /var/lib/lmsmon/state, or beside the file.
    `  url: ${stateUrl === "" ? "null" : value(stateUrl)}`,
    ...statePasswordFile === "" ? [] : [`  password_file: ${value(path(statePasswordFile))}`],
    ...timezone === undefined ? [] : [
      "notify:",
      "  # of people; stored times are UTC",
      `  timezone: ${value(timezone)}`,
      "  # a trial first: with an address here, that person gets every message instead of the mentors",
      "  # redirect_to: you@institute.example",
    ],
    ...zuliprc === undefined ? [] : [
      "zulip:",
      "  # of a generic bot: Zulip, Personal settings, Bots, Add a new bot; then download its zuliprc",
      `  config_file: ${value(path(zuliprc))}`,
    ],
    "",
  ];
  return lines.join("\n");
}

/** What the LMS's administrator types, once. Of an address that cannot be read, with names to be replaced. */
export function grants(lmsUrl: string): string[] {
  const url = URL.parse(lmsUrl.trim().replace(/^[a-z]+:/, "http:"));
  const user = decodeURIComponent(url?.username ?? "") || "lms_readonly";
  const database = decodeURIComponent(url?.pathname.slice(1) ?? "") || "lms";
  if (/^(mysql|mariadb):/.test(lmsUrl.trim())) {
    return [`create user '${user}'@'%' identified by '…';`, `grant select on \`${database}\`.* to '${user}'@'%';`];
  }
  return [
    `create role "${user}" login password '…';`,
    `grant connect on database "${database}" to "${user}";`,
    `grant usage on schema public to "${user}";`,
    `grant select on all tables in schema public to "${user}";`,
  ];
}

/** How the bot is made, in Zulip. */
export const BOT_STEPS: readonly string[] = [
  "Personal settings > Bots > Add a new bot, of type Generic bot",
  "download its zuliprc there, and make it readable for lmsmon's user alone: chmod 600",
  "mentors who hide their address are found by a bot with the role of an administrator only, or by users.overrides",
];
