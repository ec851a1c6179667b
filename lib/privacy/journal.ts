import { z } from "zod";
import { keyMark, tombstones } from "../../sql/state/erasures.ts";
import { CommandError } from "../base/errors.ts";
import { ioProblem } from "../config/config_file.ts";
import { PSEUDONYM } from "../model/pseudonym.ts";
import { besideState } from "../state/owner_directory.ts";
import type { StateDb } from "../state/state_db.ts";
import { asKnown, eraseAgain, type KnownErasure } from "./erase.ts";

const JournalLine = z.strictObject({
  /** Tells the key of the pseudonyms from others. */
  key: z.string(),
  role: z.enum(["student", "mentor"]),
  source: z.string(),
  pseudonym: z.string().regex(PSEUDONYM),
  reason_code: z.string(),
  erased_at: z.string(),
});

/**
 * Where erasures are kept besides the state: a state restored from a backup is older than they. Beside an embedded state's
 * directory, not in it, since that is what is restored; for a server where `privacy.journal` says; `null`: nowhere.
 */
export function journalPath(stateUrl: string, configured: string | null): string | null {
  return configured ?? besideState(stateUrl, ".erasures.jsonl");
}

/** Writes the state's erasures to the journal, beside those that are there; the file is replaced as a whole. */
export async function writeJournal(db: Pick<StateDb, "sql">, path: string): Promise<void> {
  const key = (await keyMark(db.sql))[0]?.mark ?? "";
  const kept = await readJournal(path);
  const known = new Set(kept.map((line) => line.pseudonym));
  const added = (await tombstones(db.sql)).map((row) => ({ key, ...asKnown(row) })).filter((line) =>
    !known.has(line.pseudonym)
  );
  if (added.length === 0) return;
  const text = [...kept, ...added].map((line) => `${JSON.stringify(line)}\n`).join("");
  const beside = besideOf(path);
  try {
    await writeWhole(beside, text);
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    throw new CommandError(`Cannot write the journal of erasures ${path}: ${(error as Error).message}`, {
      cause: error,
      hint: "the state is erased, but a backup restored later would bring the person back: make the file writable, " +
        "and start poll-once, watch or export-ai, which write what is missing",
    });
  }
}

/** Whether an erasure could be written down: asked before it is made. Throws CommandError. */
export async function tryJournal(path: string): Promise<void> {
  await readJournal(path);
  const beside = besideOf(path);
  try {
    await writeWhole(beside, "");
  } catch (error) {
    throw new CommandError(`Cannot write the journal of erasures ${path}: ${(error as Error).message}`, {
      cause: error,
      hint: "nothing was erased; make its folder writable, or name another file in privacy.journal",
    });
  } finally {
    await Deno.remove(beside).catch(() => {});
  }
}

const besideOf = (path: string) => `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  } finally {
    file.close();
  }
}

/** Empty where there is no file. Throws CommandError for a line that is none. */
export async function readJournal(path: string, mustExist = false): Promise<(KnownErasure & { key: string })[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && !mustExist) return [];
    throw new CommandError(`Cannot read the journal of erasures ${path}: ${ioProblem(error)}`, {
      cause: error,
      hint: mustExist
        ? "name the journal: privacy.journal, or the file ending with .erasures.jsonl beside an embedded state's directory"
        : "make it readable for the user that runs lmsmon, or name another file in privacy.journal",
    });
  }
  return text.split("\n").filter((line) => line.trim() !== "").map((line, i) => {
    try {
      return JournalLine.parse(JSON.parse(line));
    } catch (error) {
      throw new CommandError(`Cannot read the journal of erasures ${path}: line ${i + 1} is none of its lines`, {
        cause: error,
        hint: "restore the file; it holds one JSON object a line",
      });
    }
  });
}

/** Erases in this state who is erased by the journal; returns how many that were. Throws CommandError for another state's journal. */
export async function reapplyJournal(db: Pick<StateDb, "sql">, path: string, mustExist = false): Promise<number> {
  return await eraseAgain(db, await missingErasures(db, path, mustExist));
}

/** Who is erased by the journal, and not here. Throws CommandError for another state's journal. */
export async function missingErasures(
  db: Pick<StateDb, "sql">,
  path: string,
  mustExist = false,
): Promise<KnownErasure[]> {
  const lines = await readJournal(path, mustExist);
  if (lines.length === 0) return [];
  const known = new Set((await tombstones(db.sql)).map((row) => row.pseudonym));
  const missing = lines.filter((line) => !known.has(line.pseudonym));
  if (missing.length === 0) return [];
  const key = (await keyMark(db.sql))[0]?.mark ?? "";
  if (missing.some((line) => line.key !== key)) {
    throw new CommandError(`Cannot apply the journal of erasures ${path}: it was made by a state with another key`, {
      hint: "use the journal of this state; another state's pseudonyms mean nothing here",
    });
  }
  return missing;
}
