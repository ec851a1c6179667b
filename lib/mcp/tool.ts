import type { CallToolResult, McpServer } from "@modelcontextprotocol/server";
import type { z } from "zod";
import { LmsmonError, UsageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { View } from "./view.ts";

/** Runs one call in a transaction of its own, with what the client may see. */
export type Turn = <T>(work: (view: View) => Promise<T>) => Promise<T>;

/** What tools, resources and prompts are added to. */
export interface ServerParts {
  readonly server: McpServer;
  readonly turn: Turn;
  readonly log: Logger;
}

interface Answer<Out> {
  readonly data: Out;
}

interface ToolOf<In extends z.ZodObject, Out extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: In;
  readonly output: Out;
  readonly run: (view: View, input: z.output<In>) => Promise<Answer<z.input<Out>>>;
}

/** Nothing here changes anything, the same question has the same answer, and nothing outside of the state is asked. */
const ANNOTATIONS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/** A tool, ready to be added to a server: what is wrong with a question is an answer that says what to ask instead. */
export function tool<In extends z.ZodObject, Out extends z.ZodObject>(of: ToolOf<In, Out>) {
  return ({ server, turn, log }: ServerParts): void => {
    const answer = async (input: unknown): Promise<CallToolResult> => {
      try {
        refuseNul(input);
        // The server has validated it against this very schema; parsing gives it its type.
        const { data } = await turn((view) => of.run(view, of.input.parse(input)));
        return {
          content: [{ type: "text", text: JSON.stringify(data) }],
          structuredContent: data as Record<string, unknown>,
        };
      } catch (error) {
        return failed(of.name, error, log);
      }
    };
    const { name, title, description } = of;
    // As such, since the server's types follow no schema that is itself a parameter.
    const inputSchema: z.ZodObject = of.input, outputSchema: z.ZodObject = of.output;
    server.registerTool(name, { title, description, inputSchema, outputSchema, annotations: ANNOTATIONS }, answer);
  };
}

/** No text in a database holds it, and a statement that is given one fails. */
function refuseNul(input: unknown): void {
  for (const [name, value] of Object.entries(input ?? {})) {
    if (typeof value !== "string" || !value.includes("\0")) continue;
    throw new UsageError(`Cannot read ${name}: it holds a NUL character`, { hint: "write it without" });
  }
}

function failed(name: string, error: unknown, log: Logger): CallToolResult {
  return { isError: true, content: [{ type: "text", text: errorText(name, error, log) }] };
}

/** What a client is told of an error: what it can mend, and of anything else that it failed. */
export function errorText(name: string, error: unknown, log: Logger): string {
  if (error instanceof LmsmonError) return error.hint === undefined ? error.message : `${error.message}\n${error.hint}`;
  log.error("{name} failed", { name, error });
  return `${name} failed: the state database did not answer as it should. Try again; the log of lmsmon mcp says why`;
}
