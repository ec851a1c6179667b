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

/** `text` with every registered secret, and what URLs in it hold of secrets, replaced by `***`. */
export function redact(text: string): string {
  const plain = maskUrls(text);
  if (registered.size === 0) return plain;
  pattern ??= compile();
  return plain.replace(pattern, "***");
}

/** Parameters of a URL whose names speak of a secret, whatever a driver calls them: `sslpassword`, `passwd`, `api-key`. */
const SECRET_NAME = /pass|pwd|secret|key|token/i;
const PARAMETER = /([?&;])([^=&;?#\s"'`<>]{1,100})=([^&;#\s"'`<>]*)/g;
const USER_PART = /(:\/\/[^\s:@/?#"'`<>]*):[^\s@/?#"'`<>]+@/g;

/** Also URLs that nobody could parse, and whose secrets are therefore not registered. */
function maskUrls(text: string): string {
  const masked = text.includes("://") ? text.replace(USER_PART, "$1:***@") : text;
  if (!masked.includes("=")) return masked;
  return masked.replace(
    PARAMETER,
    (whole, sign: string, name: string, value: string) =>
      value !== "" && SECRET_NAME.test(unescaped(name)) ? `${sign}${name}=***` : whole,
  );
}

/**
 * Registers what a URL of the configuration holds of secrets before anybody reads it, so that no error can quote one: the
 * password of its user and the values of parameters with such names. Paths of key files are none.
 */
export function registerUrlSecrets(url: string): void {
  const user = /^[a-z][a-z0-9+.-]*:\/\/[^:@/?#]*:(.*)@/is.exec(url)?.[1] ?? "";
  const parameters = [...url.matchAll(/[?&]([^=&]*)=([^&]*)/g)].filter(([, name = ""]) => isSecretParameter(name));
  for (const value of [user, ...parameters.map(([, , value = ""]) => value)]) {
    registerSecret(value);
    registerSecret(unescaped(value));
  }
}

function isSecretParameter(name: string): boolean {
  const plain = unescaped(name);
  return SECRET_NAME.test(plain) && !/^ssl[-_]?key/i.test(plain);
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
