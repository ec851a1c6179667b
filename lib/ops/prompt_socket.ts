import { Socket } from "node:net";

/** Where a database server listens; `path`: of a Unix socket, which wins. As in postgres.js's options. */
interface SocketPlace {
  readonly host?: string | string[] | undefined;
  readonly port?: number | number[] | undefined;
  readonly path?: string | undefined;
}

/**
 * An option of postgres.js (its types do not know it): connects so that everything is sent at once. Else the system waits up
 * to 40 ms for the answer to one small packet before it sends the next (Nagle's algorithm and delayed acknowledgements), which
 * every COPY meets: 54 ms for a megabyte instead of 9 (tried). What is written before the connection stands waits for it.
 */
export function promptSocket(
  place: SocketPlace,
  /** Hears that the driver itself ends a connection, by its last message; not inside TLS, where the driver has a socket of its own. */
  onGoodbye: () => void = () => {},
): { readonly socket: () => Promise<Socket> } {
  const host = String(place.host ?? "localhost");
  const port = Number(place.port ?? 5432);
  return {
    socket: () => {
      const socket = new Socket();
      socket.setNoDelay(true);
      if (place.path === undefined) socket.connect(port, host);
      else socket.connect(place.path);
      const end = socket.end.bind(socket) as (...parameters: unknown[]) => Socket;
      socket.end = (...parameters: unknown[]) => {
        if (parameters.length > 0) onGoodbye(); // what the other side ends is ended here without a word
        return end(...parameters);
      };
      // The driver asks the socket which name a certificate must have.
      return Promise.resolve(Object.assign(socket, { host, port }));
    },
  };
}
