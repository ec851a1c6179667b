import { EVENT_TYPES } from "../model/event_types.ts";
import { absolute, type Surroundings } from "./config_file.ts";
import { Filled } from "./fill_env.ts";
import type { Problem } from "./problem.ts";

/** A value that does not come from the file: `from` is what problems name instead of file and line. */
export interface Override {
  /** Written as in YAML. */
  readonly value: unknown;
  readonly from: string;
}
/** By dotted key: `{"poll.interval": {value: "30s", from: "--interval"}}`. */
export type Overrides = Readonly<Record<string, Override>>;

type Env = Surroundings["env"];

/**
 * The names that the original plan gave to settings; they beat the file. Empty variables count as unset. No problem quotes
 * what a variable holds: it may be another one's secret.
 */
export function lmsOverrides(env: Env, problems: Problem[]): Overrides {
  const overrides: Record<string, Override> = {};
  const read = (from: string, key: string, convert: (text: string) => unknown) => {
    const text = env[from]?.trim();
    if (!text) return;
    const value = convert(text);
    if (value instanceof Error) problems.push({ path: [from], message: value.message });
    else overrides[key] = { value, from };
  };
  read("LMS_ACTIVITY_MONITOR_ENABLED", "enabled", toBoolean);
  read("LMS_ACTIVITY_POLL_INTERVAL", "poll.interval", toSeconds);
  read("LMS_NOTIFY_MENTORS_ENABLED", "notify.enabled", toBoolean);
  read("LMS_EVENT_TYPES_TO_MONITOR", "poll.event_types", toList);
  return overrides;
}

/** Zulip's own variables; the file beats them. */
export function zulipDefaults({ env, cwd, home }: Surroundings): Overrides {
  const defaults: Record<string, Override> = {};
  for (const [from, key] of [["ZULIP_SITE", "site"], ["ZULIP_EMAIL", "email"], ["ZULIP_API_KEY", "api_key"]] as const) {
    const value = env[from]?.trim();
    if (value) defaults[`zulip.${key}`] = { value, from };
  }
  const file = env.ZULIP_CONFIG;
  if (file) defaults["zulip.config_file"] = { value: absolute(file, cwd, home), from: "ZULIP_CONFIG" };
  return defaults;
}

/** Zulip's variables about TLS, which have no key in the file. */
export function zulipTls({ env, cwd, home }: Surroundings, problems: Problem[]) {
  const path = (name: string) => env[name] ? absolute(env[name], cwd, home) : null;
  const [certBundle, clientCert, clientCertKey] = ["ZULIP_CERT_BUNDLE", "ZULIP_CERT", "ZULIP_CERT_KEY"].map(path);
  const insecure = env.ZULIP_ALLOW_INSECURE;
  if (insecure && !["true", "false"].includes(insecure)) {
    problems.push({
      path: ["ZULIP_ALLOW_INSECURE"],
      message: "must be true or false",
    });
  }
  return {
    ...(certBundle && { certBundle }),
    ...(clientCert && { clientCert }),
    ...(clientCertKey && { clientCertKey }),
    ...(insecure && { allowInsecure: insecure === "true" }),
  };
}

function toBoolean(text: string): boolean | Error {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  if (/^(false|no|off|0)$/i.test(text)) return false;
  return new Error("must be true or false");
}

function toSeconds(text: string): string | Error {
  if (/^\d+(\.\d+)?s?$/.test(text)) return text.endsWith("s") ? text : `${text}s`;
  return new Error("must be a number of seconds such as 60");
}

function toList(text: string): Filled[] | Error {
  // Written as a Python or JSON list in some settings files: brackets and quotes say nothing more.
  const names = text.replace(/[[\]"'()]/g, "").split(",").map((name) => name.trim()).filter((name) => name !== "");
  return names.length > 0
    ? names.map((name) => new Filled(name))
    : new Error(`must be a comma list of event types such as ${EVENT_TYPES[1]},…`);
}
