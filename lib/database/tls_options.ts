import { isIP } from "node:net";
import { checkServerIdentity, type ConnectionOptions, type PeerCertificate } from "node:tls";
import type { TlsFiles } from "./tls_files.ts";
import type { TlsMode } from "./tls_words.ts";

/**
 * How TLS is spoken with `host`, whose certificate is checked as `mode` says. The host is named here and not left to the
 * runtime: for an address that would ask the certificate for "localhost", which any server of the same authority may have.
 */
export function tlsOptions(host: string, mode: Exclude<TlsMode, "disable">, files: TlsFiles): ConnectionOptions {
  const name = host.replace(/%.*$/, ""); // without the zone of an IPv6 address
  return {
    ...files,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    rejectUnauthorized: mode === "verify-ca" || mode === "verify-full",
    checkServerIdentity: mode === "verify-full"
      ? (_: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate)
      : () => undefined,
  };
}
