import { isIP, Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type ConnectionOptions, type PeerCertificate } from "node:tls";
import { isLocalHost } from "./database_address.ts";
import { readTlsFiles, type TlsFiles } from "./tls_files.ts";
import type { TlsMode, TlsWish } from "./tls_words.ts";
import type { TargetHost } from "./url_hosts.ts";

export interface SocketWish {
  readonly tls: TlsWish;
  readonly keyPassword: string | null;
  readonly timeoutMs: number;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
}

export interface ServerSocket {
  readonly socket: Socket;
  /** The host that is spoken to without TLS although it is another machine; else `null`. */
  readonly plaintextHost: string | null;
}

/** What a client sends in place of a start message to ask whether the server speaks TLS. */
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const YES = 0x53; // S
const NO = 0x4e; // N

/**
 * Connects to a PostgreSQL server, with TLS as asked, up to where its protocol begins. Rejects with the system's error, or one
 * with the driver's codes, so that callers tell them apart the same way wherever a connection broke.
 */
export async function openSocket(place: TargetHost, wish: SocketWish): Promise<ServerSocket> {
  const { mode } = wish.tls;
  const socket = new Socket();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  stopped.catch(() => {});
  const stop = () => reject(connectionError("CONNECTION_ENDED", place));
  const timer = setTimeout(() => reject(connectionError("CONNECT_TIMEOUT", place)), wish.timeoutMs);
  wish.signal.addEventListener("abort", stop);
  socket.on("error", reject);
  socket.once("close", () => reject(connectionError("CONNECTION_CLOSED", place)));
  try {
    if (wish.signal.aborted) stop();
    // Else the system waits up to 40 ms for the answer to one small packet before it sends the next (Nagle's algorithm and
    // delayed acknowledgements), which every COPY meets: 54 ms for a megabyte instead of 9 (tried).
    socket.setNoDelay(true);
    await Promise.race([connected(socket, place), stopped]);
    const isSocket = place.host.startsWith("/");
    const hasTls = mode !== "disable" && !isSocket && await Promise.race([offersTls(socket, place), stopped]);
    if (!hasTls && mode !== "disable" && mode !== "prefer") throw noTls(mode, place);
    const ready = hasTls ? await Promise.race([secured(socket, place, mode, wish), stopped]) : socket;
    return {
      // The driver names both in its errors.
      socket: Object.assign(ready, { host: place.host, port: place.port }),
      plaintextHost: hasTls || isLocalHost(place.hostaddr ?? place.host) ? null : place.host,
    };
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    wish.signal.removeEventListener("abort", stop);
  }
}

function connected(socket: Socket, { host, hostaddr, port }: TargetHost): Promise<void> {
  return new Promise((resolve) => {
    socket.once("connect", resolve);
    if (host.startsWith("/")) socket.connect(`${host}/.s.PGSQL.${port}`);
    else socket.connect(port, hostaddr ?? host);
  });
}

function offersTls(socket: Socket, place: TargetHost): Promise<boolean> {
  return new Promise((resolve, reject) => {
    socket.once("data", (answer) => {
      // More than the one byte would be read as if it had come encrypted.
      if (answer.length === 1 && (answer[0] === YES || answer[0] === NO)) resolve(answer[0] === YES);
      else reject(connectionError("CONNECTION_CLOSED", place));
    });
    socket.write(SSL_REQUEST);
  });
}

function secured(
  socket: Socket,
  place: TargetHost,
  mode: Exclude<TlsMode, "disable">,
  { tls, keyPassword }: SocketWish,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.removeAllListeners();
    socket.on("error", () => {}); // the socket over it says so too
    const secure = connectTls({ socket, ...tlsOptions(place.host, mode, readTlsFiles(tls, keyPassword)) });
    secure.on("error", reject);
    secure.once("close", () => reject(connectionError("CONNECTION_CLOSED", place)));
    secure.once("secureConnect", () => resolve(secure));
  });
}

function noTls(mode: TlsMode, place: TargetHost): Error {
  const error = new Error(`${place.host}:${place.port} offers no TLS, and sslmode=${mode} asks for it`);
  return Object.assign(error, { code: "HANDSHAKE_NO_SSL_SUPPORT" });
}

/** As postgres.js words its own. */
function connectionError(code: string, { host, port }: TargetHost): Error {
  return Object.assign(new Error(`write ${code} ${host}:${port}`), { code });
}

/**
 * How TLS is spoken with `host`, whose certificate is checked as `mode` says. The host is named here and not left to the
 * runtime: for an address that would ask the certificate for "localhost", which any server of the same authority may have.
 */
function tlsOptions(host: string, mode: Exclude<TlsMode, "disable">, files: TlsFiles): ConnectionOptions {
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
