import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { BadUrl } from "./bad_url.ts";
import type { TlsWish } from "./tls_words.ts";

/** What TLS is done with, as text; the client's key is open. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads the files that a URL names, at each connection, so that a renewed certificate is taken without a restart. Throws
 * BadUrl that names the parameter; a path only when it exists, since else it may be anything that was pasted there.
 */
export function readTlsFiles({ ca, cert, key }: TlsWish, keyPassword: string | null): TlsFiles {
  const files = {
    ...(ca === null || ca === "system" ? {} : { ca: certificate("sslrootcert", ca) }),
    ...(cert === null ? {} : { cert: certificate("sslcert", cert) }),
  };
  if (key === null) return files;
  const opened = openKey(key, keyPassword);
  if (files.cert !== undefined && !new X509Certificate(files.cert).checkPrivateKey(opened)) {
    throw new BadUrl([`names a sslkey that does not belong to its sslcert: ${key} and ${cert}`]);
  }
  return { ...files, key: String(opened.export({ type: "pkcs8", format: "pem" })) };
}

function certificate(parameter: string, path: string): string {
  const text = read(parameter, path);
  try {
    new X509Certificate(text);
    return text;
  } catch {
    throw new BadUrl([`names a ${parameter} that is no certificate in PEM form: ${path}`]);
  }
}

function openKey(path: string, password: string | null): KeyObject {
  const text = read("sslkey", path);
  try {
    return createPrivateKey({ key: text, ...(password === null ? {} : { passphrase: password }) });
  } catch {
    const isClosed = text.includes("ENCRYPTED");
    throw new BadUrl([
      isClosed
        ? `names a sslkey that is encrypted, and ${
          password === null ? "no sslpassword" : "the sslpassword does not open it"
        }: ${path}`
        : `names a sslkey that is no private key in PEM form: ${path}`,
    ]);
  }
}

function read(parameter: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    throw new BadUrl([
      code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG" || code === undefined
        ? `names a ${parameter} that does not exist; a relative path begins where the configuration file is`
        : `names a ${parameter} that cannot be read: ${path} (${code})`,
    ]);
  }
}
