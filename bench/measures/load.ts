import { setTimeout as sleep } from "node:timers/promises";
import { line, type Measure, type Pair } from "../support/measure.ts";
import { oneRound } from "../support/rounds.ts";
import { openWatched } from "../support/watched.ts";

const INTERVAL_S = 60;
const FULL_PASS_S = 600;
const CLIENTS = 4;
/** Seconds of pgbench around the work of ten minutes. */
const AROUND_S = 5;

/** What an LMS does all day: attempts are looked up, and sometimes written. */
const SCRIPT = (rows: number) =>
  `\\set id random(1, ${rows - 2000})
\\set coin random(1, 10)
select * from attempts where id = :id;
select s.username, e.title from attempts a join students s on s.id = a.user_id join exams e on e.id = a.exam_id where a.id = :id;
\\if :coin = 1
update attempts set percentile = random() where id = :id;
\\endif
`;

export const load: Measure = {
  name: "load",
  about: "pgbench on the LMS with a watch at 60 s beside without",
  async run(bench) {
    const { rowsLarge, runs } = bench.options;
    await using watched = await openWatched(bench, "postgres", rowsLarge);
    await oneRound(watched, "full");
    const pairs: Pair[] = [];
    // Ten minutes of a watch at 60 s are one full pass and nine rounds. They are run one after the other under pgbench, and
    // the transactions that they cost are set against those of ten minutes.
    for (let run = -1; run < runs; run++) {
      let workMs = 0;
      const busy = await pgbench(watched.lmsUrl, rowsLarge, async () => {
        const began = performance.now();
        await oneRound(watched, "full");
        for (let i = 1; i < FULL_PASS_S / INTERVAL_S; i++) await oneRound(watched, "quick");
        workMs = performance.now() - began;
      });
      const quiet = await pgbench(watched.lmsUrl, rowsLarge, () => sleep(workMs));
      if (run < 0) continue;
      const lost = quiet.tps * busy.seconds - busy.transactions;
      const whole = quiet.tps * FULL_PASS_S;
      pairs.push({ ours: (whole - lost) / FULL_PASS_S, theirs: quiet.tps });
      bench.say(
        `  load ${run + 1}/${runs}: ${((whole - lost) / whole).toFixed(4)}x, while it works ${
          (busy.tps / quiet.tps).toFixed(3)
        }x`,
      );
    }
    return [line({
      name: "load",
      what: `throughput of pgbench on the LMS's server, watch at ${INTERVAL_S} s over ${rowsLarge} rows`,
      yardstick: "the same pgbench without lmsmon",
      reach: { atLeast: 0.97 },
      unit: "1/s",
      note: "the work of ten minutes of watch (a full pass and nine rounds) at once, its loss over ten minutes",
    }, pairs)];
  },
};

interface Throughput {
  readonly transactions: number;
  readonly seconds: number;
  readonly tps: number;
}

/** Transactions from the beginning of `meanwhile`, which begins a little later than pgbench, to a little after its end. */
async function pgbench(url: string, rows: number, meanwhile: () => Promise<unknown>): Promise<Throughput> {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_bench_" });
  try {
    await Deno.writeTextFile(`${folder}/script.sql`, SCRIPT(rows));
    const child = new Deno.Command("pgbench", {
      args: [
        "-n",
        "-M",
        "prepared",
        "-c",
        String(CLIENTS),
        "-j",
        "1",
        "-T",
        "3600",
        "-P",
        "1",
        "-f",
        `${folder}/script.sql`,
        url,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const ticks: { s: number; tps: number }[] = [];
    const reading = (async () => {
      let text = "";
      for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const lines = text.split("\n");
        text = lines.pop() ?? "";
        for (const l of lines) {
          const found = /^progress: ([\d.]+) s, ([\d.]+) tps/.exec(l);
          if (found) ticks.push({ s: Number(found[1]), tps: Number(found[2]) });
        }
      }
    })();
    try {
      await sleep(AROUND_S * 1000);
      const first = ticks.length;
      await meanwhile();
      await sleep(1500); // the tick that the end falls into
      const counted = ticks.slice(first);
      const seconds = (ticks.at(-1)?.s ?? 0) - (ticks[first - 1]?.s ?? 0);
      const transactions = counted.reduce(
        (sum, { tps }, i) => sum + tps * ((counted[i]?.s ?? 0) - (counted[i - 1]?.s ?? ticks[first - 1]?.s ?? 0)),
        0,
      );
      return { transactions, seconds, tps: transactions / seconds };
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await reading;
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
