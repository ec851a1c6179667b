import { logger } from "../base/log.ts";
import { serveClient } from "../mcp/serve.ts";
import { readOnly, viewOf } from "../mcp/view.ts";
import type { CommandContext } from "./command_context.ts";
import type { McpOptions } from "./command_options.ts";

/**
 * `mcp`: answers an agent on stdin and stdout. The client's first message is answered before the state is opened, which takes
 * longer than clients like to wait; what cannot be opened then ends the server with the reason.
 */
export async function runMcp(context: CommandContext, options: McpOptions): Promise<void> {
  const failed = Promise.withResolvers<never>();
  const ended = new AbortController();
  await using stack = new AsyncDisposableStack();
  const opened: { state?: ReturnType<typeof openOnce> } = {};
  const open = () => opened.state ??= openOnce(context, options, stack);
  const serving = serveClient({
    turn: async (work) => {
      const { db, settings } = await open();
      return await readOnly(db, async (sql) => await work(await viewOf(settings, sql)));
    },
    explain: async (sql, eventId, mentor) => {
      const { explainEvent } = await open();
      return await explainEvent(sql, context, eventId, mentor);
    },
    // After the answer has left.
    greeted: () => setTimeout(() => open().catch(failed.reject), 0),
    log: logger("mcp"),
  }, AbortSignal.any([context.stop.soft, ended.signal]));
  try {
    await Promise.race([serving, failed.promise]);
  } finally {
    ended.abort();
    await serving;
    await opened.state?.catch(() => {}); // it has been thrown, or nobody asks any more
  }
}

async function openOnce(context: CommandContext, options: McpOptions, stack: AsyncDisposableStack) {
  const { explainEvent, openMcpState } = await import("./mcp_state.ts");
  const { db, settings } = stack.use(await openMcpState(context, options));
  return { db, settings, explainEvent };
}
