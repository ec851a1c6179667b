import type { Fact } from "./claims.ts";
import { finished, FIRST_ID, type RaceLms, running, student } from "./race_lms.ts";

/** What a scenario may do. */
export interface RaceWorld {
  readonly lms: RaceLms;
  readonly rows: number;
  /** Notes that a result can be seen from now on. */
  news(attempt: number, who: number, score: number): void;
  /** A new id above all others, and a free one below the highest. */
  highId(): number;
  lowId(): number;
  /** Long enough for every contender to have polled. */
  polls(): Promise<void>;
  /** Every contender's process dies. */
  killAll(): Promise<void>;
  /** Until the result that was noted last stands in Zulip. */
  told(): Promise<void>;
  /** The states that lmsmon has are set back to what they were when `work` began. */
  restoreStates(work: () => Promise<void>): Promise<void>;
}

export interface Scenario {
  readonly name: string;
  readonly play: (world: RaceWorld) => Promise<void>;
}

const now = () => Temporal.Now.instant().toString({ fractionalSecondDigits: 3 }).slice(0, 23).replace("T", " ");
const OLD = "2026-01-01 09:00:00";
const SCORES = [85, 20, 60, 33, 71];

async function insert(world: RaceWorld, id: number, who: number, score: number, at: string | null = now()) {
  await world.lms.writer.insert("attempts", finished(id, who, score, at));
  world.news(id, who, score);
}

/** Finished results of the history, and what they say. */
const past = (n: number) => ({ id: FIRST_ID + 2 * n, who: student(n), score: n % 101 });

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "inserts",
    play: async (world) => {
      for (const score of SCORES) await insert(world, world.highId(), student(score), score);
    },
  },
  {
    name: "finish in place",
    play: async (world) => {
      const at = now();
      const ids = SCORES.map(() => world.highId());
      for (const [i, id] of ids.entries()) await world.lms.writer.insert("attempts", running(id, student(i), at));
      await world.polls();
      for (const [i, id] of ids.entries()) {
        const { id: _, ...values } = finished(id, student(i), SCORES[i] ?? 0, at);
        await world.lms.writer.update("attempts", id, values);
        world.news(id, student(i), SCORES[i] ?? 0);
      }
    },
  },
  {
    name: "late commit",
    play: async (world) => {
      const late = await world.lms.transaction();
      try {
        const [first, second] = [world.highId(), world.highId()];
        await late.execute("begin");
        await late.execute(
          `insert into attempts (id, user_id, exam_id, state, result, score, percentage, date, last_started_time)
           values (${first}, ${student(7)}, 1, 'Completed', 'Pass', 77, 77, '${now()}', '${now()}')`,
        );
        await insert(world, second, student(8), 78);
        await world.polls();
        await late.execute("commit");
        world.news(first, student(7), 77);
      } finally {
        await late.end();
      }
    },
  },
  {
    name: "low id",
    play: async (world) => {
      for (const score of SCORES) await insert(world, world.lowId(), student(score), score, OLD);
    },
  },
  {
    name: "bulk touch",
    play: async (world) => {
      await world.lms.execute(`update attempts set last_started_time = '${now()}' where state = 'Completed'`);
      await insert(world, world.highId(), student(3), 64);
    },
  },
  {
    name: "silent correction",
    play: async (world) => {
      for (const n of [0, 3, 5]) {
        const { id, who, score } = past(n);
        const better = score + 30;
        await world.lms.execute(
          `update attempts set score = ${better}, percentage = ${better}, result = '${better >= 40 ? "Pass" : "Fail"}'
            where id = ${id}`,
        );
        world.news(id, who, better);
      }
    },
  },
  {
    name: "reinsert",
    play: async (world) => {
      const { id, who, score } = past(7);
      await world.lms.writer.remove("attempts", id);
      await world.lms.writer.insert("attempts", finished(id, who, score, now()));
      await insert(world, world.highId(), student(4), 91);
    },
  },
  {
    name: "reused id",
    play: async (world) => {
      const { id } = past(8);
      await world.lms.writer.remove("attempts", id);
      await insert(world, id, student(150), 11);
    },
  },
  {
    name: "null times",
    play: async (world) => {
      await insert(world, world.highId(), student(5), 55, null);
    },
  },
  {
    name: "re-sync",
    play: async (world) => {
      const sync = await world.lms.transaction();
      try {
        await sync.execute("begin");
        await sync.execute("create temporary table kept as select * from attempts");
        await sync.execute("delete from attempts");
        await sync.execute("insert into attempts select * from kept");
        await sync.execute("commit");
      } finally {
        await sync.end();
      }
      await insert(world, world.highId(), student(6), 88);
    },
  },
  {
    name: "kill before delivery",
    play: async (world) => {
      for (const score of SCORES) await insert(world, world.highId(), student(score), score);
      await world.killAll();
    },
  },
  {
    name: "kill after delivery",
    play: async (world) => {
      for (const score of SCORES) await insert(world, world.highId(), student(score), score);
      await world.told();
      await world.killAll();
    },
  },
  {
    name: "LMS down",
    play: async (world) => {
      world.lms.proxy.refuse();
      const ids = SCORES.map(() => world.highId());
      for (const [i, id] of ids.entries()) {
        await world.lms.writer.insert("attempts", finished(id, student(i), SCORES[i] ?? 0, now()));
      }
      await world.polls();
      world.lms.proxy.listen();
      for (const [i, id] of ids.entries()) world.news(id, student(i), SCORES[i] ?? 0);
    },
  },
  {
    name: "20,000 in a second",
    play: async (world) => {
      const at = now();
      const many = Array.from({ length: 20_000 }, (_, n) => finished(world.highId(), student(n), n % 101, at));
      for (let from = 0; from < many.length; from += 5000) {
        const rows = many.slice(from, from + 5000);
        await world.lms.writer.insert("attempts", rows);
        for (const { id, user_id, score } of rows) world.news(Number(id), Number(user_id), Number(score));
      }
    },
  },
  {
    name: "state restored",
    play: async (world) => {
      await world.restoreStates(async () => {
        for (const score of SCORES) await insert(world, world.highId(), student(score), score);
        await world.told();
      });
      await insert(world, world.highId(), student(9), 49);
    },
  },
  {
    name: "ties",
    play: async (world) => {
      const at = now();
      const ids = Array.from({ length: 10 }, () => world.highId());
      for (const id of ids.filter((_, i) => i % 2 === 1)) await insert(world, id, student(id), 66, at);
      await world.polls();
      for (const id of ids.filter((_, i) => i % 2 === 0)) await insert(world, id, student(id), 67, at);
    },
  },
  {
    name: "clock ahead",
    play: async (world) => {
      const ahead = Temporal.Now.instant().add({ hours: 26 }).toString({ fractionalSecondDigits: 3 }).slice(0, 23)
        .replace("T", " ");
      await insert(world, world.highId(), student(10), 42, ahead);
      await world.polls();
      await insert(world, world.highId(), student(11), 43);
    },
  },
];

export type { Fact };
