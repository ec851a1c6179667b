import { type ChaosRun, sleep, type StateChoice } from "./chaos_run.ts";
import { MemoryGroup } from "./memory_group.ts";
import type { Place } from "./place.ts";
import { Watcher } from "./watcher.ts";

/** An embedded database lives in the process and has memory of its own: some 250 MB. */
export const LIMIT_BYTES: Record<StateChoice, number> = { server: 512 << 20, embedded: 768 << 20 };

/** How much higher the second half of a run may stand than the first, and from how many seconds on that says something. */
const FLAT = 1.25;
const LONG_S = 20;

/** `poll-once` inside a control group of limited memory where the system lets us; what it took is shown in any case. */
export async function measuredPoll(run: ChaosRun, place: Place, state: StateChoice, what: string): Promise<void> {
  const limit = LIMIT_BYTES[state];
  await using group = await MemoryGroup.make(limit);
  if (group !== null && !await MemoryGroup.enforces(limit)) {
    run.fail("a process with twice its group's memory lives on");
  }
  const began = performance.now();
  const process = new Watcher("poll-once", place.config, { args: ["--json"], group });
  const samples: number[] = [];
  let peakKb = 0;
  while (process.ended === null) {
    const { nowKb, mostKb } = residentOf(process.pid);
    samples.push(nowKb);
    peakKb = Math.max(peakKb, mostKb);
    await sleep(100);
  }
  const { code, signal } = await process.end();
  if (code !== 0) run.fail(`${what}: poll-once ended with ${signal ?? code}\n${process.log.slice(-5).join("\n")}`);
  const seconds = (performance.now() - began) / 1000;
  const [early, late] = halves(samples).map((half) => Math.max(0, ...half));
  const held = group === null
    ? "not limited: no control group can be made here"
    : `limited to ${limit >> 20} MB, where the kernel counted ${((await group.peak()) / 2 ** 20).toFixed(0)} MB`;
  run.say(
    `    ${what}: ${seconds.toFixed(1)} s, at most ${mb(peakKb)} MB resident (first half ${mb(early)}, second ${
      mb(late)
    }), ${held}`,
  );
  if (peakKb * 1024 > limit) run.fail(`${what}: ${peakKb} kB resident, more than ${limit >> 10}`);
  if (seconds > LONG_S && (late ?? 0) > FLAT * (early ?? 0)) run.fail(`${what}: its memory grows with the work`);
}

const mb = (kb: number | undefined) => ((kb ?? 0) / 1024).toFixed(0);

function halves<T>(samples: readonly T[]): readonly (readonly T[])[] {
  const middle = Math.floor(samples.length / 2);
  return [samples.slice(0, middle), samples.slice(middle)];
}

function residentOf(pid: number): { nowKb: number; mostKb: number } {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const [now, most] = [/VmRSS:\s+(\d+)/, /VmHWM:\s+(\d+)/].map((pattern) => Number(pattern.exec(status)?.[1] ?? 0));
    return { nowKb: now ?? 0, mostKb: most ?? 0 };
  } catch {
    return { nowKb: 0, mostKb: 0 }; // it has ended
  }
}
