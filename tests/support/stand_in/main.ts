import { parseArgs } from "node:util";
import { UNLIMITED } from "../../../lib/stand_in/zulip_stand_in.ts";
import { html, listenHttp } from "../../../lib/stand_in/zulip_stand_in_http.ts";
import { startArmedStandIn } from "./armed_stand_in.ts";
import { control } from "./control.ts";

/**
 * The stand-in as a process: prints one JSON line {port, control_port, site, email, key, bot_id, owner_id} and serves until it is killed.
 * The control port stays open while the Zulip port is stopped.
 */
if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      port: { type: "string" },
      "control-port": { type: "string", default: "0" },
      "feature-level": { type: "string", default: "421" },
      /** `LIMIT/SECONDS`, `none` (no headers) or `unlimited` (headers, but out of reach). */
      "rate-limit": { type: "string", default: "unlimited" },
      /** The bot's key, so that it survives a restart of the process; default a new one. */
      key: { type: "string" },
    },
  });
  const [limit = 0, windowS = 0] = values["rate-limit"].split("/").map(Number);
  const standIn = await startArmedStandIn({
    featureLevel: Number(values["feature-level"]),
    rateLimit: values["rate-limit"] === "none" ? null : limit > 0 && windowS > 0 ? { limit, windowS } : UNLIMITED,
    ...(values.port === undefined ? {} : { port: Number(values.port) }),
    ...(values.key === undefined ? {} : { bot: { apiKey: values.key } }),
  });
  const controls = listenHttp(
    Number(values["control-port"]),
    (request) => request.path.startsWith("/_control/") ? control(standIn, request) : html(404, "Not Found"),
  );
  Deno.stdout.writeSync(
    new TextEncoder().encode(
      JSON.stringify({
        port: standIn.port,
        control_port: controls.port,
        site: standIn.site,
        email: standIn.bot.email,
        key: standIn.bot.apiKey,
        bot_id: standIn.bot.id,
        owner_id: standIn.owner.id,
      }) + "\n",
    ),
  );
}
