import { getLogger } from "@logtape/logtape";
import type { ZulipConfig } from "../../lib/config/config.ts";
import type { StandInOptions, ZulipStandIn } from "../../lib/stand_in/zulip_stand_in.ts";
import { connectZulip, type ZulipConnection } from "../../lib/bot/connect_zulip.ts";
import { Secret } from "../../lib/base/secrets.ts";
import { type ArmedStandIn, startArmedStandIn } from "./stand_in/armed_stand_in.ts";

/** A ZulipConfig that reads no file and waits no longer than tests may. */
export function zulipConfig(overrides: Partial<ZulipConfig> = {}): ZulipConfig {
  return {
    requestTimeoutMs: 10_000,
    settleMs: 1000,
    configFile: null,
    site: "http://127.0.0.1:1",
    email: "bot@zulip.example",
    apiKey: new Secret("k".repeat(32)),
    apiKeyFile: null,
    ...overrides,
  };
}

/** The configuration of the stand-in's own bot. */
export function standInConfig(standIn: ZulipStandIn, overrides: Partial<ZulipConfig> = {}): ZulipConfig {
  return zulipConfig({
    site: standIn.site,
    email: standIn.bot.email,
    apiKey: new Secret(standIn.bot.apiKey),
    ...overrides,
  });
}

export interface ZulipBundle extends AsyncDisposable {
  readonly standIn: ArmedStandIn;
  readonly zulip: ZulipConnection;
}

/** A stand-in and a client of it; `await using`. */
export async function startZulip(
  options: StandInOptions = {},
  overrides: Partial<ZulipConfig> = {},
  hostAheadMs: () => number = () => 0,
): Promise<ZulipBundle> {
  const standIn = await startArmedStandIn(options);
  const { nowMs } = options;
  const zulip = connectZulip(standInConfig(standIn, overrides), {
    log: getLogger(["lmsmon", "zulip"]),
    // A stand-in with a clock of its own shares it with the host, unless a test says that the host's is wrong.
    ...(nowMs !== undefined && { clock: { now: () => Math.round((nowMs() + hostAheadMs()) * 1000) } }),
  });
  return {
    standIn,
    zulip,
    [Symbol.asyncDispose]: async () => {
      zulip.close();
      await standIn.close();
    },
  };
}
