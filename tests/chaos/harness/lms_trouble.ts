import { withPostgres } from "../../support/databases.ts";
import { TcpProxy } from "../../support/lms/tcp_proxy.ts";
import { type ChaosRun, sleep, type StateChoice, until } from "./chaos_run.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { makePlace, type Place } from "./place.ts";

interface Step {
  readonly name: string;
  readonly play: () => Promise<void>;
  /** False: it may go unnoticed, when it hits a connection that nobody uses just then. */
  readonly noticed: boolean;
}

/** The LMS goes, hangs, is stopped, is locked; the watch says so, goes on, and nothing is missing afterwards. */
export async function lmsScenario(run: ChaosRun, state: StateChoice): Promise<void> {
  const cluster = await startCluster();
  if (typeof cluster === "string") return run.skip("an LMS that goes and comes back", cluster);
  await using _ = cluster;
  await using network = new TcpProxy({ hostname: "127.0.0.1", port: cluster.port });
  const through = (url: string) => url.replace(`:${cluster.port}/`, `:${network.port}/`);
  const lmsServer = await cluster.createDatabase("lms");
  await using place = await makePlace(run, { state, lmsServer, lmsUrl: through, lms: "statement_timeout: 2s" });
  await using watcher = place.watch();
  await watcher.untilSays("Polling testpress");
  place.load.start(12);
  for (const { name, play, noticed } of stepsOf(run, place, network, cluster)) {
    run.did(`lms: ${name}`);
    run.tally.faults++;
    const troubles = watcher.times(TROUBLE);
    await play();
    const { events } = await place.consult();
    place.load.start(12);
    if (!await place.moves(events, 30_000)) run.fail(`no event came after the LMS was ${name}`);
    if (noticed && watcher.times(TROUBLE) === troubles) run.fail(`the watch did not notice that the LMS was ${name}`);
  }
  await place.load.stop();
  await place.settle({ running: watcher });
  await watcher.end("SIGTERM");
}

const TROUBLE = "Polling is in trouble";

function stepsOf(run: ChaosRun, place: Place, network: TcpProxy, cluster: Cluster): readonly Step[] {
  return [
    {
      name: "gone and back",
      noticed: true,
      play: async () => {
        network.refuse();
        await sleep(3_000);
        network.listen();
      },
    },
    {
      name: "cut off again and again",
      noticed: false,
      play: async () => {
        for (let i = 0; i < 10; i++) {
          network.reset();
          await sleep(200);
        }
      },
    },
    {
      name: "half open",
      noticed: true,
      play: async () => {
        network.freeze();
        await sleep(10_000); // a silent connection is given up after statement_timeout and 5 s
        network.reset(); // what waited there never arrives
        network.thaw();
      },
    },
    {
      name: "locked beyond the statement timeout",
      noticed: true,
      play: () => withLockedAttempts(place, () => sleep(4_000)),
    },
    {
      name: "restarted in the middle of a query",
      noticed: true,
      play: async () => {
        await place.load.stop(); // it writes to the same server
        await withLockedAttempts(place, async () => {
          if (!await until(() => waitsForLock(place), 10_000, 20)) run.fail("no query of the watch waits for the lock");
          await cluster.stop("immediate");
        });
        await sleep(1_000);
        await cluster.start();
      },
    },
  ];
}

/** Whatever reads attempts waits until `work` is done. */
async function withLockedAttempts(place: Place, work: () => Promise<void>): Promise<void> {
  await withPostgres(place.lmsUrl, (sql) =>
    sql.begin(async (tx) => {
      await tx.unsafe("lock table attempts in access exclusive mode");
      await work();
    })).catch((error) => {
      if (!isLost(error)) throw error; // with the server
    });
}

const isLost = (error: unknown) => /CONNECTION|57P0|ECONN|EPIPE/.test(String((error as { code?: unknown }).code));

async function waitsForLock(place: Place): Promise<boolean> {
  const [row] = await place.load.execute(
    `select count(*)::int as n from pg_stat_activity
      where datname = current_database() and application_name like 'lmsmon%' and wait_event_type = 'Lock'`,
  );
  return Number(row?.["n"]) > 0;
}
