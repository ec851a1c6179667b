import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { KeyPath } from "./problem.ts";

/** A position in the file, from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlTree {
  /** Plain data; whole numbers are bigint, so that ids above 2^53 keep their digits. */
  readonly value: unknown;
  /** Syntax errors; when there are any, `value` is not to be used. */
  readonly errors: readonly { readonly message: string; readonly position: Position | null }[];
  /** Where a path is, or its nearest existing parent; `null` when not even the top level is there. */
  locate(path: KeyPath, atKey: boolean): Position | null;
}

/** Real configurations have a handful of aliases; a YAML bomb multiplies them, and is refused before it expands. */
const MAX_ALIASES = 50;

/** Parses one YAML 1.2 document with positions. Never throws for what is in the text. */
export function parseYaml(text: string): YamlTree {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const fail = (message: string) => ({ value: undefined, errors: [{ message, position: null }], locate: () => null });
  if (/^[ \t]*(?:[[{][ \t]*){100}/m.test(text)) return fail("is nested too deeply");
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      intAsBigInt: true,
    });
    const errors = [...document.errors, ...document.warnings].map((error) => ({
      message: firstSentence(error.message),
      position: at(error.pos[0]),
    }));
    if (errors.length > 0) return { value: undefined, errors, locate: () => null };
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { value, errors: [], locate: (path, atKey) => locate(document.contents, path, atKey, at) };
  } catch (error) {
    if (error instanceof RangeError) return fail("is nested too deeply");
    // Too many aliases, or one without its anchor.
    if (error instanceof ReferenceError) return fail(`cannot be expanded: ${firstSentence(error.message)}`);
    throw error;
  }
}

/** Parser messages go on with a word or an excerpt of the file, which may be of a password: cut before it. */
function firstSentence(message: string): string {
  if (message.startsWith("Source contains multiple documents")) {
    return "two documents in one file: take the line --- out";
  }
  return message.replace(/((?<=version) |: |[\r\n"'`\\!&*%|>]).*$/s, "").trim().slice(0, 200);
}

function locate(
  root: Node | null,
  path: KeyPath,
  atKey: boolean,
  at: (offset: number) => Position,
): Position | null {
  let node: unknown = root;
  let offset: number | null = null;
  for (const [i, part] of path.entries()) {
    if (isAlias(node) && node.source) break; // what it stands for is elsewhere in the file: point at the use
    const isLast = i === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
      if (pair === undefined) break;
      const key = startOf(pair.key);
      const value = startOf(pair.value);
      offset = isLast && atKey ? key : value ?? key;
      // A missing child is looked for under its parent's key, not under the first of its siblings.
      if (!isLast) offset = key ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(part)];
      if (item === undefined) break;
      offset = startOf(item) ?? offset;
      node = item;
    } else break;
  }
  return offset === null ? null : at(offset);
}

function startOf(node: unknown): number | null {
  return (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) ? node.range?.[0] ?? null : null;
}
