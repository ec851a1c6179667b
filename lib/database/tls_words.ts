import type { DatabaseAddress } from "./database_address.ts";
import { isIP } from "node:net";
import { isLocalHost } from "./database_address.ts";
import { folded } from "./url_parameters.ts";

export type TlsMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

/** What the URL wants of TLS; files as paths. */
export interface TlsWish {
  readonly mode: TlsMode;
  /** A file, `system` for the authorities that this system trusts, `null` when none is named (then these too). */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/** What the URL says about TLS: a word for each of `sslmode`, `ssl` and `tls`, and the files. */
export interface TlsSaid {
  readonly words: readonly { readonly name: string; readonly value: string }[];
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly hasKeyPassword: boolean;
}

const MODES: Readonly<Record<string, TlsMode>> = {
  disable: "disable",
  disabled: "disable",
  false: "disable",
  "0": "disable",
  allow: "prefer", // what only allows TLS gets it where the server offers it
  prefer: "prefer",
  preferred: "prefer",
  require: "require",
  required: "require",
  noverify: "require",
  verifyca: "verify-ca",
  verifyfull: "verify-full",
  verifyidentity: "verify-full",
};
/** TLS without a word about how much: another parameter may say it. */
const SWITCH = new Set(["true", "1"]);

/** Reads everything about TLS together; what is wrong goes to `problems`, and the mode is then not to be used. */
export function readTlsWish(
  said: TlsSaid,
  { dialect, hosts }: DatabaseAddress,
  part: "lms" | "state",
  problems: string[],
): TlsWish {
  const { ca, cert, key } = said;
  const word = combine(said.words, problems);
  const mode = judge(word, said, problems);
  const sockets = hosts.filter(({ host }) => host.startsWith("/")).length;
  const isLocal = hosts.every(({ host }) => isLocalHost(host));
  const chosen = mode ?? (part === "lms" && isLocal || sockets === hosts.length ? "disable" : "prefer");
  if ((cert === null) !== (key === null)) {
    problems.push(`names ${cert === null ? "sslkey without sslcert" : "sslcert without sslkey"}; they go together`);
  }
  if (said.hasKeyPassword && key === null) problems.push("has sslpassword, which opens sslkey, without sslkey");
  const isWanted = chosen !== "disable" && chosen !== "prefer";
  if (dialect === "postgres" && isWanted && sockets > 0) {
    problems.push(
      "asks for TLS over a Unix socket, which PostgreSQL does not speak there; leave the words for TLS out",
    );
  }
  if (
    dialect === "mysql" && chosen === "verify-full" &&
    hosts.some(({ host }) => isIP(host) !== 0 || host.startsWith("/"))
  ) {
    // mysql2 compares names only, and would take any certificate of the same authority without a word.
    problems.push(
      "has an address or a socket for host, and verify-full needs a host name on MySQL: write the name that the " +
        "server's certificate holds, or use verify-ca",
    );
  }
  return { mode: chosen, ca, cert, key };
}

/** `null` when nothing is said. */
function judge(word: TlsMode | null, { ca, cert, key }: TlsSaid, problems: string[]): TlsMode | null {
  const hasClient = cert !== null || key !== null;
  if (word === null) return ca !== null ? "verify-full" : hasClient ? "require" : null;
  if (word === "disable" && hasClient) problems.push("turns TLS off and names sslcert or sslkey; keep one of them");
  if (ca === null) return word;
  if (word === "disable" || word === "prefer") {
    problems.push("names sslrootcert, and a sslmode that checks no certificate; write verify-full or verify-ca");
  } else if (ca === "system" && word !== "verify-full") {
    // Anybody can have a certificate of one of the world's authorities: without the name it says nothing.
    problems.push("has sslrootcert=system with a sslmode that does not check the name; write verify-full");
  }
  return word === "require" ? "verify-ca" : word;
}

function combine(words: TlsSaid["words"], problems: string[]): TlsMode | null {
  let isOn = false;
  let mode: TlsMode | null = null;
  for (const { name, value } of words) {
    const read = wordOf(name, value);
    if (read === null) {
      problems.push(
        `has a value of ${name} that is unknown; known are disable, allow, prefer, require, verify-ca, verify-full ` +
          "(and what docs/configuration.md names)",
      );
    } else if (read === "on") isOn = true;
    else if (mode !== null && mode !== read) problems.push(contradiction(words));
    else mode = read;
  }
  if (!isOn) return mode;
  if (mode === "disable" || mode === "prefer") problems.push(contradiction(words));
  return mode ?? "require";
}

const contradiction = (words: TlsSaid["words"]) =>
  `says different things about TLS in ${words.map(({ name }) => name).join(" and ")}; keep one of them`;

function wordOf(name: string, value: string): TlsMode | "on" | null {
  const word = folded(value.trim());
  if (name === "tls") { // as the drivers of that world read it
    if (SWITCH.has(word)) return "verify-full";
    if (word === "skipverify") return "require";
  }
  if (SWITCH.has(word)) return "on";
  return value.trim().startsWith("{") ? fromJson(value) : Object.hasOwn(MODES, word) ? MODES[word] ?? null : null;
}

/** `{"rejectUnauthorized": true}`, as drivers for JavaScript take it. */
function fromJson(text: string): TlsMode | null {
  let options: unknown;
  try {
    options = JSON.parse(text);
  } catch {
    return null;
  }
  const entries = new Map(Object.entries(options as Record<string, unknown>));
  const [verify = true, name = verify] = [entries.get("rejectUnauthorized"), entries.get("verifyIdentity")];
  const isKnown = [...entries.keys()].every((key) => key === "rejectUnauthorized" || key === "verifyIdentity");
  if (!isKnown || typeof verify !== "boolean" || typeof name !== "boolean" || name && !verify) return null;
  return !verify ? "require" : name ? "verify-full" : "verify-ca";
}
