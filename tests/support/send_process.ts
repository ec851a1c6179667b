import { fileURLToPath } from "node:url";
import { getLogger } from "@logtape/logtape";
import { z } from "zod";
import { connectZulip } from "../../lib/bot/connect_zulip.ts";
import type { SendOutcome } from "../../lib/bot/zulip_api.ts";
import { Secret } from "../../lib/base/secrets.ts";
import { NO_UPDATE_CHECK, START } from "./program.ts";
import { zulipConfig } from "./zulip.ts";

const Sends = z.object({
  site: z.string(),
  email: z.string().optional(),
  apiKey: z.string().optional(),
  certBundle: z.string().optional(),
  userId: z.string(),
  texts: z.array(z.string()),
});

/** What one client sends, one message after the other, to one person. */
export type Sends = z.infer<typeof Sends>;

/** Also unsets, so that what the machine has says nothing. */
const PROXIES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"];

/**
 * What became of each of `sends`, in a process of its own that has no proxy but those of `environment`.
 * Test files run in threads of one process, so a test that set HTTPS_PROXY there would send other tests' messages through its proxy.
 */
export async function sendWithEnvironment(
  sends: Sends,
  environment: Readonly<Record<string, string>>,
): Promise<SendOutcome[]> {
  const env = Object.fromEntries(PROXIES.map((name) => [name, environment[name] ?? ""]));
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [...START, fileURLToPath(import.meta.url), JSON.stringify(sends)],
    env: { ...env, ...NO_UPDATE_CHECK },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as SendOutcome[]; // made below
}

if (import.meta.main) {
  const { userId, texts, apiKey, ...server } = Sends.parse(JSON.parse(Deno.args[0] ?? ""));
  const given = Object.fromEntries(Object.entries(server).filter(([, value]) => value !== undefined));
  const zulip = connectZulip(zulipConfig({ ...given, ...(apiKey !== undefined && { apiKey: new Secret(apiKey) }) }), {
    log: getLogger(["lmsmon", "zulip"]),
    idleMs: 60_000, // a slow machine may take long from one send to the next
  });
  const outcomes: SendOutcome[] = [];
  for (const text of texts) outcomes.push(await zulip.send({ type: "direct", userId }, text));
  zulip.close();
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(outcomes)));
}
