import { isAbsolute, resolve } from "node:path";
import { stringify } from "yaml";
import { BadUrl } from "../database/bad_url.ts";
import { type DatabaseTarget, parseDatabaseUrl } from "../database/database_url.ts";
import type { InitOptions } from "./command_options.ts";

/** What was answered so far; a flag or a question that nobody came to yet is missing. */
export type Answers = Partial<Record<keyof InitOptions["answers"], string>>;

/**
 * The configuration with what each part is for, as far as it is answered; paths as they were given, relative ones made absolute.
 * What was answered is what it will say: a `${` is no reference to the environment, but where a path begins with one.
 */
export function configText(answers: Answers): string {
  const written = (text: string) => stringify(text, { lineWidth: 0 }).trimEnd(); // broken lines would need indentation
  const path = (text: string) => written(pathValue(text));
  const value = (text: string) => written(literally(text));
  const { lmsUrl, lmsPasswordFile = "", stateUrl = "", statePasswordFile = "", zuliprc, timezone } = answers;
  const lines = [
    "# Written by lmsmon init. config.example.yaml and the README say what else there is; `lmsmon config` shows all that holds.",
    ...lmsUrl === undefined ? [] : [
      "lms:",
      "  # read-only: a role that may SELECT is enough",
      `  url: ${value(lmsUrl)}`,
      ...lmsPasswordFile === "" ? [] : [`  password_file: ${path(lmsPasswordFile)}`],
    ],
    "state:",
    "  # lmsmon's own database: never the LMS's",
    // Without an address it lies where the configuration's place says: /var/lib/lmsmon/state, or beside the file.
    `  url: ${stateUrl === "" ? "null" : value(stateUrl)}`,
    ...statePasswordFile === "" ? [] : [`  password_file: ${path(statePasswordFile)}`],
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
      `  config_file: ${path(zuliprc)}`,
    ],
    "",
  ];
  return lines.join("\n");
}

/** The file that systemd hands over can be named by a variable only, so a reference at the beginning of a path is one. */
function pathValue(text: string): string {
  const [reference = ""] = /^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}/.exec(text) ?? [];
  if (reference !== "") return reference + literally(text.slice(reference.length));
  return literally(isAbsolute(text) || text.startsWith("~") ? text : resolve(text));
}

/** Text of a configuration that is read as exactly this. */
const literally = (text: string) => text.replaceAll("${", () => "$${");

/** What the LMS's administrator types, once. Of an address that cannot be read, with names to be replaced. */
export function grants(lmsUrl: string): string[] {
  const { address, user: role, schemas } = targetOf(lmsUrl.trim());
  const user = role ?? "lms_readonly";
  const database = address?.database ?? "lms";
  if (address?.dialect === "mysql") {
    const who = `${mysqlText(user)}@'%'`;
    // In a GRANT, an underscore and a percent sign stand for other names, too.
    const pattern = database.replaceAll("`", "``").replace(/[_%\\]/g, "\\$&");
    return [`create user ${who} identified by '…';`, `grant select on \`${pattern}\`.* to ${who};`];
  }
  const who = quoted(user);
  const places = schemas.length === 0 ? "public" : schemas.map(quoted).join(", ");
  return [
    `create role ${who} login password '…';`,
    `grant connect on database ${quoted(database)} to ${who};`,
    `grant usage on schema ${places} to ${who};`,
    `grant select on all tables in schema ${places} to ${who};`,
  ];
}

type Named = Pick<DatabaseTarget, "user" | "schemas"> & { readonly address: DatabaseTarget["address"] | null };

function targetOf(lmsUrl: string): Named {
  try {
    const { target } = parseDatabaseUrl(lmsUrl, { part: "lms" });
    if (target !== null) return target;
  } catch (error) {
    if (!(error instanceof BadUrl)) throw error;
  }
  return { address: null, user: null, schemas: [] };
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const mysqlText = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

/** How the bot is made, in Zulip. */
export const BOT_STEPS: readonly string[] = [
  "Personal settings > Bots > Add a new bot, of type Generic bot",
  "download its zuliprc there, and make it readable for lmsmon's user alone: chmod 600",
  "mentors who hide their address are found by a bot with the role of an administrator only, or by users.overrides",
];
