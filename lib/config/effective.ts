import { createHash } from "node:crypto";
import { z } from "zod";
import { redact } from "../base/secrets.ts";
import type { Config } from "./config.ts";
import { Filled } from "./fill_env.ts";
import type { YamlTree } from "./parse_yaml.ts";
import { fallbackOf, schema } from "./schema.ts";
import { valueAt } from "./tree.ts";

/** One key of the configuration as it holds now. */
export interface EffectiveKey {
  /** `notify.gather`. */
  readonly key: string;
  /** As it would be written; secrets are masked. */
  readonly value: unknown;
  /** `config.yaml:7`, `--interval`, `LMS_NOTIFY_MENTORS_ENABLED`, `default`. */
  readonly origin: string;
  /** Differs when the value does, secrets included; says nothing of it. */
  readonly print: string;
}

export interface EffectiveSources {
  readonly yaml: YamlTree;
  /** How the file is called; `null`: there is none. */
  readonly label: string | null;
  /** Flags and variables by key. */
  readonly origins: ReadonlyMap<string, string>;
  /** Defaults that depend on the place and on other keys. */
  readonly computed: Readonly<Record<string, string>>;
}

const SECRET = /(^|\.)(password|api_key|ping_url)$/;

/** Every key with its value and where that came from, in the order of the schema. `tree` is filled, and was checked. */
export function effectiveKeys(tree: unknown, sources: EffectiveSources): EffectiveKey[] {
  return leaves(schema, tree, []).map(({ path, fallback, isNull }) => {
    const key = path.join(".");
    const raw = isNull ? null : valueAt(tree, path);
    if (raw === undefined) {
      const value = sources.computed[key] ?? fallback;
      return { key, value: plain(value), origin: "default", print: printOf(value) };
    }
    const value = SECRET.test(key) && raw !== null ? "***" : shown(raw);
    return { key, value, origin: originOf(path, raw, sources), print: printOf(raw) };
  });
}

interface Leaf {
  readonly path: readonly string[];
  readonly fallback: unknown;
  /** A whole group that is switched off. */
  readonly isNull: boolean;
}

function leaves(type: unknown, tree: unknown, path: readonly string[]): Leaf[] {
  const single = type instanceof z.ZodType ? fallbackOf(type) : undefined;
  if (single !== undefined) return [{ path, fallback: single.value, isNull: false }];
  if (type instanceof z.ZodObject) {
    return Object.entries(type.shape).flatMap(([name, child]) => leaves(child, tree, [...path, name]));
  }
  if (type instanceof z.ZodNullable && valueAt(tree, path) === null) return [{ path, fallback: null, isNull: true }];
  if (type instanceof z.ZodPrefault || type instanceof z.ZodNullable) return leaves(type.unwrap(), tree, path);
  if (type instanceof z.ZodPipe) return leaves(type.out, tree, path);
  return [];
}

function originOf(path: readonly string[], raw: unknown, { yaml, label, origins }: EffectiveSources): string {
  const other = origins.get(path.join("."));
  if (other !== undefined) return other;
  const position = yaml.locate(path, true);
  const place = position === null || label === null ? label ?? "default" : `${label}:${position.line}`;
  return raw instanceof Filled ? `${place}, from the environment` : place;
}

/** For people: what came from the environment as text, and URLs without their secrets. */
function shown(value: unknown): unknown {
  return mapTexts(plain(value), redact);
}

function plain(value: unknown): unknown {
  if (value instanceof Filled) return value.text;
  // Beyond 2^53 a number would show another id, and two ids would be one.
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
  }
  return value;
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTexts(item, change)]));
  }
  return value;
}

function printOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(plain(value)) ?? "").digest("hex");
}

/** The keys whose values differ, also where only the content of a file with a secret does. */
export function changedKeys(before: Config, now: Config): string[] {
  const prints = new Map((before.effective ?? []).map(({ key, print }) => [key, print]));
  const keys = (now.effective ?? []).filter(({ key, print }) => prints.get(key) !== print).map(({ key }) => key);
  const gone = (before.effective ?? []).map(({ key }) => key)
    .filter((key) => !(now.effective ?? []).some((one) => one.key === key));
  const secrets = [
    ["lms", before.lms.password, now.lms.password],
    ["state", before.state.password, now.state.password],
    ["zulip", before.zulip.apiKey, now.zulip.apiKey],
  ] as const;
  const inFiles = secrets.flatMap(([part, old, fresh]) => {
    const key = part === "zulip" ? "zulip.api_key" : `${part}.password`;
    const isSaid = keys.some((changed) => changed.startsWith(key) || changed === `${part}.url`);
    // One that was not read, since nothing needs it any more or yet (notify.enabled, enabled), is not known to have changed.
    const isKnown = old !== null && fresh !== null;
    return isSaid || !isKnown || old.reveal() === fresh.reveal() ? [] : [`${key}_file`];
  });
  return [...new Set([...keys, ...gone, ...inFiles])];
}
