import { isIP } from "node:net";
import { gather, type ReadParameters, valueOf } from "./read_parameters.ts";
import { checkedHost, portOf, type UrlParts } from "./url_grammar.ts";
import type { Dialect } from "./url_parameters.ts";

export interface TargetHost {
  /** The name that a certificate must have; begins with "/" for a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Where to connect instead of looking the name up. */
  readonly hostaddr: string | null;
}

const PORTS: Readonly<Record<Dialect, number>> = { postgres: 5432, mysql: 3306 };

/**
 * The servers of a URL: in front of the `?`, or by `host`, `hostaddr`, `port` and `socket` behind it. Both may be there when
 * they agree, and `localhost` stands in front of any Unix socket, because some programs cannot do without a host.
 */
export function readHosts(
  dialect: Dialect,
  { hosts: front }: UrlParts,
  parameters: ReadParameters,
  fallback: string,
  problems: string[],
): TargetHost[] {
  const named = list(parameters, "host")?.map((host) =>
    gather("", problems, () => checkedHost(unbracketed(host.trim())))
  );
  const socket = valueOf(parameters, "socket");
  const addresses = list(parameters, "hostaddr")?.map((address) => unbracketed(address.trim()));
  const ports = list(parameters, "port")?.map((port) => gather(null, problems, () => portOf(port.trim())));
  const inFront = front.some(({ host }) => host !== "") ? front.map(({ host }) => host) : null;

  if (socket !== null && !socket.startsWith("/")) problems.push("has a socket that is no absolute path");
  if (socket !== null && named !== undefined) problems.push("names a host and a socket; keep one of them");
  const behind = socket === null ? named : [socket];
  if (inFront !== null && behind !== undefined && !agree(inFront, behind)) {
    problems.push(
      `names one server in front of the "?" and another behind it (${
        socket === null ? "host" : "socket"
      }); keep one of them`,
    );
  }
  if (addresses?.some((address) => address !== "" && isIP(address) === 0)) {
    problems.push("has a hostaddr that is no IP address; a name goes into host");
  }
  const hosts = behind ?? inFront ?? addresses?.map(() => "") ?? front.map(({ host }) => host);
  if (addresses !== undefined && addresses.length !== hosts.length) {
    problems.push("has another number of addresses in hostaddr than of hosts");
  }
  const frontPorts = front.some(({ port }) => port !== null) ? front.map(({ port }) => port) : null;
  if (frontPorts !== null && ports !== undefined && frontPorts.join() !== ports.join()) {
    problems.push('names one port in front of the "?" and another behind it; keep one of them');
  }
  const chosen = ports ?? frontPorts ?? [null];
  if (chosen.length !== 1 && chosen.length !== hosts.length) problems.push("has another number of ports than of hosts");
  if (dialect === "mysql" && hosts.length > 1) {
    problems.push("names several hosts, which only PostgreSQL's URLs can; name one");
  }
  const isSocketPort = (port: number | null) => port === null || port === PORTS.mysql;
  if (dialect === "mysql" && hosts.some((host) => host.startsWith("/")) && !chosen.every(isSocketPort)) {
    problems.push("names a port and a socket; keep one of them");
  }
  return hosts.map((host, i) => {
    const hostaddr = addresses?.[i] || null;
    const port = (chosen.length === 1 ? chosen[0] : chosen[i]) ?? PORTS[dialect];
    return { host: host || hostaddr || fallback, port, hostaddr };
  });
}

const list = (parameters: ReadParameters, name: string) => valueOf(parameters, name)?.split(",");
const unbracketed = (host: string) => host.replace(/^\[(.*)\]$/, "$1");

function agree(front: readonly string[], behind: readonly string[]): boolean {
  const isPlaceholder = front.length === 1 && front[0]?.toLowerCase() === "localhost" &&
    behind.every((host) => host.startsWith("/"));
  return isPlaceholder ||
    front.length === behind.length && front.every((host, i) => host.toLowerCase() === behind[i]?.toLowerCase());
}
