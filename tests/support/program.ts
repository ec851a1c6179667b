import { fileURLToPath } from "node:url";

/** The program as it is released, bundled, where somebody made that (.ci/run does): it starts with a quarter less CPU. */
export const PROGRAM = Deno.env.get("LMSMON_TEST_PROGRAM") ?? fileURLToPath(new URL("../../main.ts", import.meta.url));

/** The same as a test build, which kills itself where it is told to. */
export const ARMED_PROGRAM = Deno.env.get("LMSMON_TEST_ARMED_PROGRAM") ??
  fileURLToPath(new URL("../chaos/harness/armed_main.ts", import.meta.url));

/** No test runs long enough to earn code that the engine takes pains with: a third less CPU where a state is embedded (measured). */
const V8_FLAGS = "--v8-flags=--single-threaded-gc,--liftoff-only";

/** What starts a program: `deno` takes these, then the program, then its own arguments. */
export const START = ["run", "--quiet", "--no-prompt", "--no-check", "-A", V8_FLAGS] as const;

/**
 * Deno itself asks for news of itself half a second after a start (2.9.6), through HTTPS_PROXY too, where a slow machine's test would
 * count that as lmsmon's. `deno task test` sets it for whatever inherits its environment; this is for those that do not, or that other
 * tasks start too.
 */
export const NO_UPDATE_CHECK = { DENO_NO_UPDATE_CHECK: "1" } as const;
