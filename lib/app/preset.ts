import { stringify } from "yaml";
import { PRESET_NAMES } from "../../sql/lms/presets.ts";
import { ConfigError } from "../base/errors.ts";
import { systemClock } from "../base/clock.ts";
import type { LmsConfig } from "../config/config.ts";
import { readMappingFile } from "../config/mapping_text.ts";
import type { Problem } from "../config/problem.ts";
import { detect } from "../detect/detect.ts";
import type { LmsId } from "../model/event.ts";
import type { Kind } from "../model/event_types.ts";
import { jsonId } from "../model/lms_ids.ts";
import { formatUtc } from "../model/time.ts";
import { configuredPreset } from "../source/open_lms.ts";
import type { LmsSource } from "../source/lms_source.ts";
import { writtenMapping } from "../source/mapping_names.ts";
import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson, jsonTime } from "./command_json.ts";
import { findsNew } from "./finds_new.ts";
import { OpenParts } from "./open_parts.ts";

export interface PresetOptions {
  /** `null`: the configured one. */
  readonly name: string | null;
  readonly json: boolean;
}

const ABOUT = [
  "# A copy of preset NAME to change: lms.preset: custom, lms.mapping: this file, and a new lms.name.",
  "# `lmsmon preset check` tries it. It names every table that may be there: take out what your site lacks.",
];

/** `preset show`: the mapping as YAML, which a mapping may be. */
export async function runPresetShow({ config, out }: CommandContext, options: PresetOptions): Promise<void> {
  const lms = await wanted(config.lms, options.name);
  const preset = configuredPreset(lms)?.base;
  if (preset === undefined) throw unknownPreset(lms.preset);
  const mapping = writtenMapping(preset);
  if (options.json) return out.writeJson(commandJson("preset", { action: "show", name: lms.preset, mapping }));
  for (const line of lms.preset === "custom" ? [] : ABOUT) out.writeLine(line.replace("NAME", lms.preset));
  out.writeLine(stringify(mapping, { lineWidth: 120, blockQuote: "literal", aliasDuplicateObjects: false }).trimEnd());
}

/** How many rows a trial reads of each kind at most. */
const TRIAL_ROWS = 2_500;
const SAMPLES = 5;
const MOST_REASONS = 10;

const isId = (id: LmsId | null): id is LmsId => id !== null;

/** `preset check`: reads a page of each kind, and says how that went; nothing is stored. */
export async function runPresetCheck({ config, out }: CommandContext, options: PresetOptions): Promise<void> {
  const lms = await wanted(config.lms, options.name);
  await using parts = new OpenParts({ ...config, lms });
  const source = await parts.lms();
  const { version } = await source.check();
  const kinds = [];
  for (const kind of source.kinds) kinds.push(await tryKind(source, kind));
  if (options.json) {
    const result = kinds.map(({ samples, ...kind }) => ({ ...kind, samples: samples.map(sampleJson) }));
    return out.writeJson(commandJson("preset", { action: "check", name: lms.preset, version, kinds: result }));
  }
  out.writeLine(`${lms.preset} on ${version}: every query can be read`);
  for (const { kind, rows, bad, rows_per_second, finds_new, warnings, plan, samples } of kinds) {
    out.writeLine(
      `\n${kind}: ${
        counted(rows, "row")
      } read, ${rows_per_second} a second, ${bad} that cannot be read; new ones are found ${finds_new}`,
    );
    for (const warning of warnings) out.writeLine(`  warning: ${warning}`);
    for (const { type, activity, activity_id, student_id, occurred_at, score, percentage } of samples) {
      const mark = [score === null ? null : `score ${score}`, percentage === null ? null : `${percentage} %`].filter(
        Boolean,
      );
      out.writeLine(
        `  ${occurred_at} ${type} of student ${student_id}: ${activity ?? `${kind} ${activity_id ?? "without an id"}`}${
          mark.length === 0 ? "" : `, ${mark.join(", ")}`
        }`,
      );
    }
    for (const line of plan) out.writeLine(`  plan: ${line}`);
  }
}

type Sample = Awaited<ReturnType<typeof tryKind>>["samples"][number];

/** As every result says it: docs/json.md. */
export function sampleJson({ type, student_id, activity_id, ...rest }: Sample) {
  const shown = (id: string | null) => id === null ? null : jsonId(id);
  return { event_type: type, student_id: shown(student_id), activity_id: shown(activity_id), ...rest };
}

/** What a page of a kind comes to: how fast it is read, what is doubtful, and events of it. */
export async function tryKind(source: LmsSource, kind: Kind) {
  const { warnings, plan } = await source.inspect(kind);
  const startedMs = systemClock.monotonicMs();
  const { rows, bad } = await source.rowsAfter(kind, null, TRIAL_ROWS);
  const tookMs = Math.max(1, systemClock.monotonicMs() - startedMs);
  const now = systemClock.now();
  const keys = await source.shownKeys(
    rows.flatMap(({ studentId, activityId }) => [studentId, activityId].filter(isId)),
  );
  /** Why rows would go into quarantine, and how many of the trial. */
  const refused = new Map<string, number>();
  const refuse = (reason: string) => refused.set(reason, (refused.get(reason) ?? 0) + 1);
  for (const { reason } of bad) refuse(reason);
  const odd = await source.oddKeys(kind, TRIAL_ROWS);
  for (const { reason } of odd) refuse(reason);
  const samples = rows.flatMap((row) => {
    const { event, quarantine } = detect(null, row, now);
    if (quarantine !== null) refuse(quarantine);
    return event === null ? [] : [{
      type: event.type,
      student_id: keys.get(row.studentId ?? "") ?? null,
      activity: row.activity?.title ?? null,
      activity_id: keys.get(row.activityId ?? "") ?? null,
      occurred_at: jsonTime(event.occurredAt) ?? formatUtc(now),
      score: row.score,
      percentage: row.percentage,
    }];
  }).slice(-SAMPLES);
  return {
    kind,
    rows: rows.length,
    bad: bad.length + odd.length,
    rows_per_second: Math.round((rows.length * 1000) / tookMs),
    finds_new: findsNew(source, kind),
    warnings: [
      ...warnings,
      ...rows.length + bad.length + odd.length === 0 ? [`query ${kind}: gives no row`] : [],
      ...[...refused].slice(0, MOST_REASONS).map(([reason, n]) =>
        `${counted(n, "row")} would go into quarantine: ${reason}`
      ),
    ],
    plan,
    samples,
  };
}

/** The configuration with another preset or mapping in it. */
async function wanted(lms: LmsConfig, name: string | null): Promise<LmsConfig> {
  if (name === null || name === lms.preset) return lms;
  if (PRESET_NAMES.includes(name)) return { ...lms, preset: name };
  if (!/[./]/.test(name)) throw unknownPreset(name);
  const problems: Problem[] = [];
  const mapping = await readMappingFile(name, { base: Deno.cwd(), home: null }, problems);
  if (mapping === null) throw new ConfigError(problems.map(({ message }) => message).join("\n"));
  return { ...lms, preset: "custom", mapping };
}

function unknownPreset(name: string): ConfigError {
  return new ConfigError(`Cannot use preset "${name}": unknown`, {
    hint: `One of ${[...PRESET_NAMES, "custom"].join(", ")}, or a file with a mapping`,
  });
}
