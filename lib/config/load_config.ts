import { dirname } from "node:path";
import { isSameDatabase } from "../database/database_url.ts";
import { ConfigError } from "../base/errors.ts";
import { redact, registerSecret } from "../base/secrets.ts";
import { checkTree } from "./check_tree.ts";
import type { Config } from "./config.ts";
import {
  absolute,
  configCandidates,
  type ConfigText,
  passedOver,
  readConfigFile,
  type Surroundings,
} from "./config_file.ts";
import { defaultState } from "./default_state.ts";
import { lmsOverrides, type Overrides, zulipDefaults, zulipTls } from "./env_overrides.ts";
import { effectiveKeys } from "./effective.ts";
import { fillEnv } from "./fill_env.ts";
import { EVENT_TYPES, unseenFinishes } from "../model/event_types.ts";
import { readMappingText } from "./mapping_text.ts";
import { normalise } from "./normalise.ts";
import { parseYaml, type YamlTree } from "./parse_yaml.ts";
import { type KeyPath, pathText, type Problem } from "./problem.ts";
import { readConnections } from "./read_connections.ts";
import { secretFiles } from "./secret_files.ts";
import { setAt, valueAt } from "./tree.ts";

/** What a command cannot do without; `delivery` is Zulip, but only while `notify.enabled`. */
export type Need = "lms" | "state" | "zulip" | "delivery";

export interface LoadOptions extends Surroundings {
  /** Values of flags, which beat everything. */
  readonly overrides?: Overrides;
  /**
   * What must be there, secrets included. Wrong names and values are a problem in any case; a missing LMS address or an
   * unreadable password only where it is needed.
   */
  readonly needs?: readonly Need[];
  /** With `enabled: false` nothing is needed (poll-once and watch just say so). */
  readonly nothingWhenDisabled?: boolean;
  /** Look for no file: defaults and flags only. */
  readonly noFile?: boolean;
  /** Instead of any file: what one would say. */
  readonly file?: ConfigText;
}

/**
 * Finds, reads and checks the configuration. Precedence: flags, LMS_*, the file, ZULIP_*, zuliprc (read by lib/bot),
 * defaults. Throws ConfigError with every problem, one a line.
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const file = options.noFile ? null : options.file ?? await readConfigFile(options);
  const yaml = parseYaml(file?.text ?? "");
  if (yaml.errors.length > 0) throw syntaxError(yaml, file);

  const problems: Problem[] = [];
  const wanted = [lmsOverrides(options.env, problems), options.overrides ?? {}];
  const needs = neededParts(yaml.value, wanted, options);
  // Whoever reads a state must have said which: the defaults would show an empty one, and a made-up "nothing".
  if (needs.has("state") && !options.noFile) {
    if (file === null) throw nothingFound(options);
    if (isEmpty(yaml.value)) throw emptyFile(file);
  }
  const tree = fillEnv(yaml.value ?? {}, options.env, (path) => isNeeded(path, needs), problems);
  const origins = override(tree, wanted, options);

  const base = file === null || file.path.startsWith("/dev/") ? options.cwd : dirname(file.path);
  const checked = checkTree(tree);
  problems.push(...checked.problems);
  if (checked.config?.insights.tell && checked.config.insights.at === null) {
    problems.push({
      path: ["insights", "tell"],
      message: "needs insights.at: a course is told of only after its first evaluation",
    });
  }
  const unseen = unseenFinishes(checked.config?.poll.event_types ?? EVENT_TYPES);
  if (checked.config?.insights.tell && unseen.length > 0) {
    problems.push({
      path: ["insights", "tell"],
      message: `needs ${unseen.join(", ")} in poll.event_types: what is not stored would be said not to be handed in`,
    });
  }
  const mapping = needs.has("lms")
    ? await readMappingText(tree, { base, home: options.home, label: file?.label ?? "", yaml }, problems)
    : null;
  const tls = zulipTls(options, problems);
  const place = defaultState(file?.path ?? null, base, options.system);
  const isDefault = valueAt(tree, ["state", "url"]) == null;
  const connections = await readConnections(
    tree,
    { base, home: options.home, needs, defaultStateUrl: `pglite:${place.path}` },
    problems,
  );
  const { lms, state, zulip } = connections;
  if (lms !== null && state !== null && isSameDatabase(lms, state)) {
    problems.push({
      path: ["state", "url"],
      message: "is the LMS's own database (lms.url), which lmsmon never writes to; give the state one of its own",
    });
  }
  if (file === null && problems.some((problem) => pathText(problem.path) === "lms.url")) throw nothingFound(options);
  if (problems.length > 0 || checked.config === null) throw configError(problems, yaml, file, origins);

  if (zulip.email !== null && zulip.apiKey !== null) {
    registerSecret(btoa(`${zulip.email}:${zulip.apiKey.reveal()}`)); // as it travels in the Authorization header
  }
  return normalise(checked.config, connections, {
    tls,
    mapping,
    file: file?.path ?? null,
    passedOver: file === null || options.file !== undefined ? [] : await passedOver(file.path, options),
    secretFiles: secretFiles(tree, base, options.home),
    absolute: (path) => absolute(path, base, options.home),
    formerState: isDefault ? place.former : null,
    effective: effectiveKeys(tree, {
      yaml,
      label: file?.label ?? null,
      origins,
      computed: {
        "lms.name": checked.config.lms.preset,
        "state.url": `pglite:${place.path}`,
        ...(zulip.configFile === null ? {} : { "zulip.config_file": zulip.configFile }),
      },
    }),
  });
}

/** Puts what beats the file, and what it leaves out, into the tree; returns where each such key came from. */
function override(tree: unknown, wanted: readonly Overrides[], options: LoadOptions): Map<string, string> {
  const origins = new Map<string, string>();
  for (const [key, { value, from }] of wanted.flatMap((overrides) => Object.entries(overrides))) {
    if (setAt(tree, key.split("."), value)) origins.set(key, from);
  }
  for (const [key, { value, from }] of Object.entries(zulipDefaults(options))) {
    const hasTwin = key === "zulip.api_key" && valueAt(tree, ["zulip", "api_key_file"]) != null;
    const isSet = valueAt(tree, key.split(".")) != null || hasTwin;
    if (!isSet && setAt(tree, key.split("."), value)) origins.set(key, from);
  }
  return origins;
}

const isEmpty = (value: unknown) =>
  value == null || (typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0);

function emptyFile(file: ConfigText): ConfigError {
  return new ConfigError(`Cannot use the configuration ${file.label}: it is empty`, {
    hint: "Set lms.url and what else differs from the defaults; config.example.yaml shows every key",
  });
}

/** Needs after `enabled` and `notify.enabled`, which may themselves be overridden. */
function neededParts(raw: unknown, wanted: readonly Overrides[], options: LoadOptions): ReadonlySet<string> {
  // Only to learn two switches: their problems are reported by the real pass.
  const tree = fillEnv(raw ?? {}, options.env, () => false, []);
  for (const overrides of wanted) {
    for (const [key, { value }] of Object.entries(overrides)) setAt(tree, key.split("."), value);
  }
  const isOff = (path: KeyPath) => {
    const value = valueAt(tree, path);
    return value === false ||
      (typeof value === "object" && value !== null && /^(false|no|off|0)$/i.test(textOf(value)));
  };
  const needs = new Set<string>(options.needs ?? []);
  if (options.nothingWhenDisabled && isOff(["enabled"])) needs.clear();
  if (needs.delete("delivery") && !isOff(["notify", "enabled"])) needs.add("zulip");
  return needs;
}

const textOf = (value: object) => "text" in value ? String(value.text).trim() : "";

/** Keys outside lms, state and zulip belong to every command. */
function isNeeded(path: KeyPath, needs: ReadonlySet<string>): boolean {
  const part = String(path[0]);
  return !["lms", "state", "zulip"].includes(part) || needs.has(part);
}

function syntaxError(yaml: YamlTree, file: ConfigText | null): ConfigError {
  const lines = yaml.errors.map(({ message, position }) => {
    const where = position === null ? "" : `:${position.line}:${position.column}`;
    return `${file?.label}${where}: cannot be read as YAML: ${message}`;
  });
  return new ConfigError(lines.join("\n"), { hint: "config.example.yaml shows how it should look" });
}

function configError(
  problems: readonly Problem[],
  yaml: YamlTree,
  file: ConfigText | null,
  origins: ReadonlyMap<string, string>,
): ConfigError {
  const lines = problems.map(({ path, message, atKey, hidden }) => {
    const text = pathText(hidden ? path.slice(0, -1) : path);
    const origin = [...origins].find(([key]) => text === key || text.startsWith(`${key}[`))?.[1];
    if (origin !== undefined) return { line: 0, column: 0, text: `${origin}: ${message}` };
    const position = yaml.locate(path, atKey ?? false);
    const where = position === null ? file?.label : `${file?.label}:${position.line}:${position.column}`;
    const prefix = file === null || /^(LMS|ZULIP)_/.test(text) ? "" : `${where}: `;
    return { line: position?.line ?? 0, column: position?.column ?? 0, text: `${prefix}${text || "file"}: ${message}` };
  });
  lines.sort((a, b) => a.line - b.line || a.column - b.column);
  return new ConfigError(redact([...new Set(lines.map((line) => line.text))].join("\n")), {
    hint: "config.example.yaml shows every key with its default",
  });
}

function nothingFound(surroundings: Surroundings): ConfigError {
  const { paths } = configCandidates(surroundings);
  return new ConfigError(`Cannot find a configuration: looked for ${paths.join(", ")}`, {
    hint: "Copy config.example.yaml to config.yaml and set lms.url there, or name a file with --config or " +
      "$LMSMON_CONFIG; `lmsmon demo` needs none",
  });
}
