import { UsageError } from "../lib/base/errors.ts";
import { commands } from "./commands.ts";

/** What other programs call it. */
const ALSO_CALLED: Readonly<Record<string, string>> = {
  check: "doctor",
  daemon: "watch",
  dump: "export-ai",
  follow: "watch",
  health: "doctor",
  hold: "pause",
  list: "stats",
  log: "audit",
  ping: "notify-test",
  restore: "reconcile",
  run: "watch",
  serve: "watch",
  resend: "retry",
  start: "watch",
  status: "stats",
  sync: "poll-once",
  unhold: "release",
  update: "migrate",
  upgrade: "migrate",
  verify: "doctor",
  why: "explain",
};

/** An unknown command for which the command line knows no near one: what it is called here, or what there is. */
export function suggestCommand(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "commander.unknownCommand") return error;
  const word = /'(.*)'/s.exec(error.message)?.[1]?.toLowerCase() ?? "";
  // Before what only looks like it: "start" is nearer to stats than to watch.
  if (error.message.includes("Did you mean") && !Object.hasOwn(ALSO_CALLED, word)) return error;
  const names = commands.map(({ name }) => name);
  const part = word.replaceAll("_", "-");
  const other = Object.hasOwn(ALSO_CALLED, word) ? ALSO_CALLED[word] : undefined;
  const near = part.length < 3 || other !== undefined
    ? []
    : names.filter((name) => name.startsWith(part) || part.startsWith(name) || name.split("-").includes(part));
  const meant = near.length > 0 ? near : other === undefined ? [] : [other];
  const hint = meant.length > 0 ? `Did you mean ${meant.join(" or ")}?` : `There are ${names.join(", ")}`;
  return new UsageError(error.message.replace(/^error: /, "").replace(/\s*\(Did you mean.*$/s, "").trim(), {
    hint,
    cause: error,
  });
}
