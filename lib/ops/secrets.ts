/**
 * Secrets and their redaction. Every `Secret` registers its value, and whatever leaves the program for people's eyes (logs,
 * errors, results) goes through `redact()`, so that a driver that quotes a password in its error gives nothing away (P7).
 */

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const DENO_INSPECT = Symbol.for("Deno.customInspect");

/** A value that must never be printed: text, JSON and inspection all give `***`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    registerSecret(value);
  }

  /** The value itself, for the one place that needs it. */
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return "***";
  }
  toJSON(): string {
    return "***";
  }
  [INSPECT](): string {
    return "***";
  }
  [DENO_INSPECT](): string {
    return "***";
  }
}

/** Shorter secrets are replaced as whole words only: the password "lms" must not make every "lmsmon" unreadable. */
const WHOLE_WORD_BELOW = 8;
const registered = new Set<string>();
let pattern: RegExp | null = null;

/** Makes `redact()` replace `value` from now on, also as it looks inside JSON and URLs. */
export function registerSecret(value: string): void {
  if (value === "" || registered.has(value)) return;
  for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), encodeURI(value)]) {
    registered.add(form);
  }
  pattern = null;
}

/** `text` with every registered secret replaced by `***`. */
export function redact(text: string): string {
  if (registered.size === 0) return text;
  pattern ??= compile();
  return text.replace(pattern, "***");
}

function compile(): RegExp {
  const escaped = [...registered]
    .sort((a, b) => b.length - a.length) // longest first, so that one secret inside another leaves no rest
    .map((value) => {
      const literal = value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
      return value.length < WHOLE_WORD_BELOW ? `(?<![A-Za-z0-9])${literal}(?![A-Za-z0-9])` : literal;
    });
  return new RegExp(escaped.join("|"), "g");
}
