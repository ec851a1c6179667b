/** Serves `alive` with room for more connections than the process has file descriptors; prints its port. */
import { HTTP_LIMITS, serveBounded } from "../../lib/drivers/deno/bounded_http.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { logger, setUpLogging } from "../../lib/base/log.ts";
import { standardOutput } from "../../lib/base/output.ts";

setUpLogging({ level: "info", format: "json" });
const server = serveBounded(
  {
    hostname: "127.0.0.1",
    port: 0,
    clock: systemClock,
    log: logger("listen"),
    limits: { ...HTTP_LIMITS, connections: 1_000 },
  },
  () => Promise.resolve({ status: 200, contentType: "text/plain", body: "alive\n" }),
);
standardOutput.writeLine(String(server.port));
