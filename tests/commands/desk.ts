import { getLogger } from "@logtape/logtape";
import type { CommandContext } from "../../lib/app/command_context.ts";
import { createOutput } from "../../lib/base/output.ts";
import { UNLIMITED } from "../../lib/stand_in/zulip_stand_in.ts";
import { startArmedStandIn } from "../support/stand_in/armed_stand_in.ts";
import { withState } from "../support/state/with_state.ts";
import { Outbox, testConfig } from "../tell/outbox_fixture.ts";

/** A state, a Zulip, and the operators' commands over them. */
export interface Desk {
  readonly box: Outbox;
  /** Runs a command; what it printed. */
  readonly run: <O>(command: (context: CommandContext, options: O) => Promise<unknown>, options: O) => Promise<string>;
}

export async function atDesk(work: (desk: Desk) => Promise<void>): Promise<void> {
  await withState("server", async (db, url) => {
    const boxes: Outbox[] = [];
    await using standIn = await startArmedStandIn({
      rateLimit: UNLIMITED,
      nowMs: () => (boxes[0]?.clock.now() ?? 0) / 1000,
    });
    const box = new Outbox(db, standIn, { notify: { maxAttempts: 1 } });
    boxes.push(box);
    const run: Desk["run"] = async (command, options) => {
      let text = "";
      const writeSync = (chunk: Uint8Array) => {
        text += new TextDecoder().decode(chunk);
        return chunk.length;
      };
      await command({
        config: { ...testConfig(standIn, box.changes), state: { url, password: null } },
        stop: { soft: new AbortController().signal, hard: new AbortController().signal },
        clock: box.clock,
        out: createOutput({ writeSync, write: (c) => Promise.resolve(writeSync(c)), isTerminal: () => false }),
        log: getLogger(["lmsmon", "test"]),
      }, options);
      return text;
    };
    try {
      await work({ box, run });
    } finally {
      box.close();
    }
  });
}
