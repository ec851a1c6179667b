/** An HTTP server on bare TCP whose answers are whatever bytes a test wants. */
export interface RawServer extends AsyncDisposable {
  readonly site: string;
  readonly port: number;
  /** Whole requests (head and body) in order of arrival, one entry each. */
  readonly requests: string[];
}

export type RawAnswer = string | "close" | { readonly then: "close"; readonly bytes: string };

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

/** `respond` gets the request's text and how many POSTs came before it. `/server_settings` is answered by itself. */
export function startRawServer(respond: (request: string, earlierPosts: number) => RawAnswer | null): RawServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  const tasks = new Set<Promise<void>>();
  const requests: string[] = [];
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();

  async function serve(connection: Deno.Conn): Promise<void> {
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
      const earlierPosts = requests.filter((each) => each.startsWith("POST")).length;
      requests.push(request);
      const reply = request.startsWith("GET /api/v1/server_settings ")
        ? SERVER_SETTINGS
        : respond(request, earlierPosts);
      if (reply === null) continue; // silence
      if (reply === "close") return;
      await connection.write(encoder.encode(typeof reply === "string" ? reply : reply.bytes));
      if (typeof reply !== "string") return;
    }
  }

  const accepting = (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      const task = serve(connection).catch(() => {}).finally(() => {
        tasks.delete(task);
        try {
          connection.close();
        } catch {
          // closed by the test's end
        }
      });
      tasks.add(task);
    }
  })().catch(() => {});

  return {
    site: `http://127.0.0.1:${listener.addr.port}`,
    port: listener.addr.port,
    requests,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const connection of connections) {
        try {
          connection.close();
        } catch {
          // closed already
        }
      }
      await accepting;
      await Promise.all(tasks);
    },
  };
}
