import { deliveryMarker } from "../../../lib/model/marker.ts";
import { markersIn } from "./told_markers.ts";
import { withPostgres } from "../../support/databases.ts";
import { onServer } from "../../support/state/server_state.ts";
import { createStateDirectory } from "../../support/state/state_directory.ts";
import { type ChaosRun, sleep, type StateChoice, until } from "./chaos_run.ts";
import { startCluster } from "./cluster.ts";
import { makePlace, type Place } from "./place.ts";
import { runLmsmon, type Watcher } from "./watcher.ts";

/** The state is set back, replaced and doubled, the LMS exchanged: nothing is told twice, and nothing without a person's word. */
export async function movedScenario(run: ChaosRun, state: StateChoice): Promise<void> {
  await using place = await makePlace(run, { state, notify: "  digest_above: 4" });
  await place.load.some(150);
  await place.settle({ onTheWay: true, quietMs: 500 });
  await place.load.some(150);
  await place.settle({ onTheWay: true, quietMs: 500 });

  await using backup = await backUp(place, state);
  await place.load.some(200);
  await place.settle({ onTheWay: true, quietMs: 500 });

  run.did("moved: state restored from its backup");
  run.tally.faults++;
  await backup.restore();
  await place.load.some(60);
  await nothingTwice(run, place, "a state restored from a backup", async () => {
    await using watcher = place.watch();
    await refusesOrKnows(run, watcher);
    await watcher.end("SIGTERM");
    const { code, out, log } = await runLmsmon("reconcile", place.config, { args: ["--since", "36h"] });
    if (code !== 0) run.fail(`reconcile ended with ${code}\n${log.join("\n")}`);
    run.did(`moved: reconcile says ${out.trim().replaceAll("\n", "; ")}`);
    await tellsNews(run, place, "a restored state", ["--take-over"]);
  });

  run.did("moved: state replaced by an empty one");
  run.tally.faults++;
  await backup.replaceByEmpty();
  await nothingTwice(run, place, "an empty state", async () => {
    const before = place.zulip.messages.length;
    await using watcher = place.watch();
    if (!await watcher.untilSays("First contact", 30_000)) run.fail("an empty state polls nothing");
    // New rows only: the number of a correction starts anew with an empty state, so its marker may be one of the past.
    await place.load.finishedExams(60);
    if (!await watcher.untilSays("Cannot send", 20_000)) {
      run.fail(`an empty state sends without asking\n${watcher.log.slice(-10).join("\n")}`);
    }
    await watcher.end("SIGTERM");
    const once = await runLmsmon("poll-once", place.config);
    if (once.code !== 1 || !/--take-over.*--no-notify/.test(once.log.join(" "))) {
      run.fail(`poll-once with an empty state ended with ${once.code}\n${once.log.join("\n")}`);
    }
    const quiet = await runLmsmon("poll-once", place.config, { args: ["--no-notify"] });
    if (quiet.code !== 0) run.fail(`poll-once --no-notify ended with ${quiet.code}\n${quiet.log.join("\n")}`);
    const told = toMentors(place, before);
    if (told.length > 0) run.fail(`an empty state sent ${told.length} messages before anybody allowed it`);
    await tellsNews(run, place, "an empty state after --take-over", ["--take-over"]);
  });

  if (state === "server") await secondOnOneBot(run, place);
  await exchangedLms(run, place);
  await stateInLms(run, place);
}

interface Backup extends AsyncDisposable {
  restore(): Promise<void>;
  replaceByEmpty(): Promise<void>;
}

/** A copy of the state as it is now; nobody may have it open. */
async function backUp(place: Place, state: StateChoice): Promise<Backup> {
  if (state === "embedded") {
    const directory = place.stateUrl.slice("pglite:".length);
    const copy = async (from: string, to: string) => {
      await Deno.remove(to, { recursive: true }).catch(() => {});
      const { success } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
      if (!success) throw new Error(`Cannot copy ${from}`);
    };
    await copy(directory, `${directory}.backup`);
    return {
      restore: () => copy(`${directory}.backup`, directory),
      replaceByEmpty: async () => {
        await Deno.remove(directory, { recursive: true });
        await createStateDirectory(directory);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const name = new URL(place.stateUrl).pathname.slice(1);
  const kept = `${name}_b`;
  await onServer((sql) => sql.unsafe(`create database ${kept} template ${name}`));
  return {
    restore: () =>
      onServer(async (sql) => {
        await sql.unsafe(`drop database ${name} with (force)`);
        await sql.unsafe(`create database ${name} template ${kept}`);
      }),
    replaceByEmpty: async () => {
      await onServer(async (sql) => {
        await sql.unsafe(`drop database ${name} with (force)`);
        await sql.unsafe(`create database ${name} template template0`);
      });
      await runLmsmon("migrate", place.config);
    },
    [Symbol.asyncDispose]: () => onServer(async (sql) => void await sql.unsafe(`drop database ${kept} with (force)`)),
  };
}

/** Runs `work` and counts the markers in Zulip: none may stand there twice, whatever the state believes. */
async function nothingTwice(run: ChaosRun, place: Place, what: string, work: () => Promise<void>): Promise<void> {
  await work();
  const seen = new Map<string, number>();
  for (const message of place.zulip.messages) {
    for (const marker of markersIn(message.content)) {
      const told = `${message.participants} ${marker}`; // first signs are of one recipient's markers
      seen.set(told, (seen.get(told) ?? 0) + 1);
    }
  }
  const doubled = [...seen.values()].filter((n) => n > 1).length;
  run.tally.duplicated += doubled;
  run.tally.messages += place.zulip.messages.length;
  if (doubled > 0) run.fail(`${what} told ${doubled} events twice`);
  else run.say(`  ${what}: ${seen.size} deliveries in ${place.zulip.messages.length} messages, none twice`);
}

/** Either everything of the bot's past is known again by its markers, or nothing is sent. Both are right. */
async function refusesOrKnows(run: ChaosRun, watcher: Watcher): Promise<void> {
  if (!await watcher.untilSays("Found", 30_000)) run.fail("a restored state polls nothing");
  await sleep(4_000);
  run.did(`moved: the restored state ${watcher.says("Cannot send") ? "refuses to send" : "knows the past"}`);
}

/** What the bot sent since, but to its owner, who hears of trouble. */
function toMentors({ zulip }: Place, before: number) {
  return zulip.messages.slice(before).filter((message) => !message.participants.includes(zulip.owner.id));
}

/** New events arrive once a person has said that they may: each at each of its mentors. */
async function tellsNews(run: ChaosRun, place: Place, what: string, args: readonly string[]): Promise<void> {
  await using watcher = place.watch({ args });
  await watcher.untilSays("Polling testpress");
  await sleep(1_500);
  const known = new Set(place.load.rows.exam.keys());
  await place.load.finishedExams(60);
  const wanted = place.load.rows.exam.values().filter((row) => !known.has(row.id)).flatMap((row) =>
    (place.load.material.mentorsOf.get(row.student) ?? []).filter((mentor) => !place.withoutAccount.has(mentor))
      .map((mentor) =>
        deliveryMarker({
          ...{ source: "testpress", kind: "exam", attemptId: String(row.id), stage: "finished", revision: 1 },
          ...{ incarnation: 1, studentId: null, activityId: null }, // these do not count in the marker of a first one
          recipient: `mentor:${mentor}`,
        })
      )
  ).toArray();
  const missing = () => {
    const told = place.zulip.messages.map((message) => message.content).join("\n");
    return wanted.filter((marker) => !told.includes(marker)).length;
  };
  if (wanted.length < 30) run.fail(`only ${wanted.length} deliveries to wait for`);
  if (!await until(() => missing() === 0, 30_000, 200)) {
    run.tally.lost += missing();
    run.fail(`${what} does not tell ${missing()} of ${wanted.length} news\n${watcher.log.slice(-10).join("\n")}`);
  }
  await sleep(3_000);
  await watcher.end("SIGTERM");
}

async function secondOnOneBot(run: ChaosRun, place: Place): Promise<void> {
  run.tally.faults++;
  await using other = await makePlace(run, { state: "server" });
  await Deno.writeTextFile(`${other.folder}/zuliprc`, place.zulip.zuliprc());
  const before = place.zulip.messages.length;
  await using watcher = other.watch();
  await watcher.untilSays("Polling testpress");
  await watcher.untilSays("First contact", 20_000);
  await other.load.finishedExams(60);
  if (!await watcher.untilSays("Cannot send", 20_000)) run.fail("a second lmsmon on one bot is not noticed");
  await watcher.end("SIGTERM");
  const told = toMentors(place, before);
  if (told.length > 0) run.fail(`a second lmsmon on one bot sent ${told.length} messages`);
}

/** Another database under the source's name stops the source, until somebody says that it is meant. */
async function exchangedLms(run: ChaosRun, place: Place): Promise<void> {
  await exchanged(run, place, "another database of the same server", null);
  const cluster = await startCluster();
  if (typeof cluster === "string") return run.skip("an LMS on another server", cluster);
  await using _ = cluster;
  await exchanged(run, place, "a database of another server", await cluster.createDatabase("lms"));
}

async function exchanged(run: ChaosRun, place: Place, what: string, lmsServer: string | null): Promise<void> {
  run.tally.faults++;
  await using other = await makePlace(run, { state: "server", history: 150, ...(lmsServer !== null && { lmsServer }) });
  const config = `${place.folder}/exchanged.yaml`;
  const yaml = await Deno.readTextFile(place.config);
  await Deno.writeTextFile(config, yaml.replace(place.lmsUrl, other.lmsUrl));
  const refused = await runLmsmon("poll-once", config, { args: ["--no-notify"] });
  if (refused.code === 0 || !refused.log.join("\n").includes("--accept-source")) {
    run.fail(`${what} is polled as the LMS (${refused.code})\n${refused.log.join("\n")}`);
  }
  const accepted = await runLmsmon("poll-once", config, { args: ["--no-notify", "--accept-source"] });
  if (accepted.code !== 0) run.fail(`--accept-source ended with ${accepted.code}\n${accepted.log.join("\n")}`);
  const later = await runLmsmon("poll-once", config, { args: ["--no-notify"] });
  if (later.code !== 0) run.fail(`after --accept-source a poll ended with ${later.code}\n${later.log.join("\n")}`);
}

/** However it is spelled: the LMS's own database is no place for the state. */
async function stateInLms(run: ChaosRun, place: Place): Promise<void> {
  const yaml = await Deno.readTextFile(place.config);
  const spellings = [
    place.lmsUrl,
    place.lmsUrl.replace("127.0.0.1", "localhost"),
    `${place.lmsUrl}?application_name=x`,
  ];
  for (const [i, url] of spellings.entries()) {
    run.tally.faults++;
    const config = `${place.folder}/inside${i}.yaml`;
    await Deno.writeTextFile(config, yaml.replace(/state: \{url: ".*"\}/, `state: {url: "${url}"}`));
    for (const command of ["migrate", "watch"]) {
      const { code } = await runLmsmon(command, config);
      if (code === 0) run.fail(`${command} takes the LMS as its state (${url.replace(place.lmsUrl, "…")})`);
    }
  }
  const [found] = await withPostgres(
    place.lmsUrl,
    (sql) =>
      sql.unsafe<{ n: number }[]>(
        "select count(*)::int as n from information_schema.tables where table_schema = 'lmsmon'",
      ),
  );
  if (found?.n !== 0) run.fail("lmsmon wrote tables into the LMS");
}
