import { z } from "zod";
import { ConfigError } from "../base/errors.ts";
import { ioProblem } from "../config/config_file.ts";
import { DEFAULT_CONSTANTS, type ScoreConstants } from "./score.ts";

const weights = z.strictObject({
  idle: z.number(),
  p_active: z.number(),
  p_breadth: z.number(),
  miss_rate: z.number(),
  p_sub: z.number(),
  p_score: z.number(),
  margin: z.number(),
});

/** What `insights fit` writes and `insights.constants` names. */
export const ConstantsFile = z.object({
  version: z.string().min(1).max(60),
  intercept: z.number(),
  weights,
  /** On how many students, and how many of them failed, the constants rest; for people. */
  students: z.number().optional(),
  failed: z.number().optional(),
});
export type ConstantsFile = z.infer<typeof ConstantsFile>;

/** The constants of a file, or the built-in ones. Throws ConfigError. */
export async function readConstants(path: string | null): Promise<ScoreConstants> {
  if (path === null) return DEFAULT_CONSTANTS;
  let raw: unknown;
  try {
    raw = JSON.parse(await Deno.readTextFile(path));
  } catch (cause) {
    throw new ConfigError(`Cannot read insights.constants ${path}: ${whyNot(cause)}`, {
      cause,
      hint: "name a file that `lmsmon insights fit` wrote, or delete the key",
    });
  }
  const parsed = ConstantsFile.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [problem] = parsed.error.issues;
  const words = [problem?.path.join(".") ?? "", problem?.message ?? ""].filter((text) => text !== "").join(": ");
  throw new ConfigError(`Cannot use insights.constants ${path}: ${words}`, {
    hint: "name a file that `lmsmon insights fit` wrote, or delete the key",
  });
}

function whyNot(cause: unknown): string {
  if (cause instanceof SyntaxError) return "it is no JSON"; // its message shows what the file holds, which may be a secret
  return ioProblem(cause);
}
