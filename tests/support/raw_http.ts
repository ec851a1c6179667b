/** An HTTP server on bare TCP whose answers are whatever bytes a test wants. */
export interface RawServer extends AsyncDisposable {
  readonly site: string;
  readonly port: number;
  /** Whole requests (head and body) in order of arrival, one entry each. */
  readonly requests: string[];
  /** How many connections there have been. */
  connections(): number;
}

/** `half-close`: the server says nothing more, and goes on reading. */
export type RawAnswer = string | "close" | "half-close" | { readonly then: "close"; readonly bytes: string };

/** What any client asks first. */
export const SERVER_SETTINGS = ok(
  JSON.stringify({ result: "success", zulip_version: "11.0", zulip_feature_level: 421, realm_name: "Test" }),
);

export function ok(body: string, contentType = "application/json"): string {
  return answer(200, body, contentType);
}

export function answer(status: number, body: string, contentType = "application/json", headers = ""): string {
  const length = new TextEncoder().encode(body).length;
  return `HTTP/1.1 ${status} X\r\nContent-Type: ${contentType}\r\nContent-Length: ${length}\r\n${headers}\r\n${body}`;
}

/** A TCP server that does with each connection what a test wants; it closes those that `serve` is done with. */
export interface TcpServer extends AsyncDisposable {
  readonly port: number;
  /** How many connections there have been. */
  connections(): number;
}

export function startTcpServer(serve: (connection: Deno.TcpConn) => Promise<void>): TcpServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const tasks = new Set<Promise<void>>();
  let connections = 0;
  const close = (connection: Deno.Conn) => {
    open.delete(connection);
    try {
      connection.close();
    } catch {
      // closed already
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) {
      connections++;
      open.add(connection);
      const task = serve(connection).catch(() => {}).finally(() => {
        tasks.delete(task);
        close(connection);
      });
      tasks.add(task);
    }
  })().catch(() => {});
  return {
    port: listener.addr.port,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const connection of open) close(connection);
      await accepting;
      await Promise.all(tasks);
    },
  };
}

/** Yields whole requests (head and body) as they arrive on a connection, until it ends. */
export async function* requestsOn(connection: Deno.Conn): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const chunk = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const count = await connection.read(chunk);
    if (count === null) return;
    text += decoder.decode(chunk.subarray(0, count));
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
    if (encoder.encode(text).length < encoder.encode(text.slice(0, end + 4)).length + length) continue;
    const request = text;
    text = "";
    yield request;
  }
}

/** Writes the whole of `text`. */
export async function writeAll(connection: Deno.Conn, text: string): Promise<void> {
  for (let rest = new TextEncoder().encode(text); rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

/** `respond` gets the request's text and how many POSTs came before it. `/server_settings` is answered by itself. */
export function startRawServer(respond: (request: string, earlierPosts: number) => RawAnswer | null): RawServer {
  const requests: string[] = [];
  const server = startTcpServer(async (connection) => {
    for await (const request of requestsOn(connection)) {
      const earlierPosts = requests.filter((each) => each.startsWith("POST")).length;
      requests.push(request);
      const reply = request.startsWith("GET /api/v1/server_settings ")
        ? SERVER_SETTINGS
        : respond(request, earlierPosts);
      if (reply === null) continue; // silence
      if (reply === "close") return;
      if (reply === "half-close") {
        await connection.closeWrite();
        continue; // goes on reading, so that a second copy would be seen
      }
      await writeAll(connection, typeof reply === "string" ? reply : reply.bytes);
      if (typeof reply !== "string") return;
    }
  });
  return {
    site: `http://127.0.0.1:${server.port}`,
    port: server.port,
    requests,
    connections: () => server.connections(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
