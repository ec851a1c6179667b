import type { Random } from "../../../lib/demo/random.ts";
import { type ChaosRun, sleep } from "./chaos_run.ts";
import type { Place } from "./place.ts";
import { runLmsmon, Watcher } from "./watcher.ts";

/** What was in hand when everything was paused may still be sent for so long: messages of one chunk are sent together. */
const IN_HAND_MS = 3_000;
/** A kill in the middle may cost the command, but never leaves half of what it does. */
const MAY_FAIL = [0, 1];

/** Somebody who pauses, resumes, retries and reloads at random while watches run and die. It may cost nothing and double nothing. */
export class Operator {
  readonly #original: string;
  /** Since when nothing at all may leave, and how many messages there were then. */
  #silence: { readonly messages: number } | null = null;

  private constructor(
    private readonly run: ChaosRun,
    private readonly place: Place,
    private readonly random: Random,
    original: string,
  ) {
    this.#original = original;
  }

  static async of(run: ChaosRun, place: Place, random: Random): Promise<Operator> {
    return new Operator(run, place, random, await Deno.readTextFile(place.config));
  }

  /** One act, while `watcher` works; it may be killed in the middle, or the command itself may. */
  async act(watcher: Watcher): Promise<void> {
    const act = this.random.pick(["pause", "pause", "resume", "retry", "hang up", "hang up", "reload"] as const);
    this.run.tally.steered++;
    switch (act) {
      case "pause":
        return await this.#pause(watcher);
      case "resume":
        return await this.#resume(watcher);
      case "retry":
        return await this.#command(
          "retry",
          this.random.chance(0.5) ? ["--dead"] : ["--mentor", this.#mentor()],
          watcher,
        );
      case "hang up":
        return await this.#hangUp(watcher);
      case "reload":
        // Every watch looks each five seconds whether it was asked, so this one has to live for a while.
        await this.#configure();
        return await this.#command("reload", [], null);
    }
  }

  /** Nothing is paused any more, and the configuration is what it was. */
  async leave(): Promise<void> {
    await Deno.writeTextFile(this.place.config, this.#original);
    this.#listen();
    await this.#command("resume", ["--all"], null);
  }

  async #pause(watcher: Watcher): Promise<void> {
    const { students, exams } = this.place.load.material;
    const scopes = [[], [], ["--mentor", this.#mentor()], ["--student", String(this.random.pick(students))], [
      "--exam",
      String(this.random.pick(exams)),
    ]];
    const scope = this.random.pick(scopes);
    const until = this.random.chance(0.5) ? ["--until", `${this.random.int(1, 8)}s`] : [];
    if (scope.length === 0) this.#listen();
    const whole = scope.length === 0 && until.length === 0;
    await this.#command("pause", ["--reason", "chaos", "--yes", ...scope, ...until], whole ? null : watcher);
    // One that ends by itself takes the place of one that does not.
    if (scope.length === 0) this.#silence = null;
    if (!whole) return;
    await sleep(IN_HAND_MS);
    this.#silence = { messages: this.#told() };
    await sleep(this.random.int(500, 2_000));
    this.#listen();
  }

  async #resume(watcher: Watcher): Promise<void> {
    this.#listen();
    this.#silence = null;
    await this.#command("resume", ["--all"], watcher);
  }

  /** A configuration that differs, or one that is wrong: then the one before must stay. */
  async #hangUp(watcher: Watcher): Promise<void> {
    const wrong = this.random.chance(0.3);
    if (wrong) await Deno.writeTextFile(this.place.config, `${this.#original}\nnotify: [`);
    else await this.#configure();
    watcher.signal("SIGHUP");
    const answer = wrong ? "The configuration is wrong" : "Read the configuration again";
    if (!await watcher.untilSays(answer, 10_000)) this.run.fail(`a watch did not say "${answer}" after SIGHUP`);
    if (wrong) await Deno.writeTextFile(this.place.config, this.#original);
    this.run.did(`SIGHUP with a configuration that is ${wrong ? "wrong" : "right"}`);
  }

  async #configure(): Promise<void> {
    const above = this.random.int(1, 6);
    await Deno.writeTextFile(this.place.config, this.#original.replace(/digest_above: \d+/, `digest_above: ${above}`));
  }

  /** `disturbed`: in one of three the watch is killed meanwhile, in one the command itself. */
  async #command(name: string, args: readonly string[], disturbed: Watcher | null): Promise<void> {
    const what = [name, ...args].join(" ");
    const trouble = disturbed === null ? "none" : this.random.pick(["none", "watch", "command"] as const);
    this.run.did(`${what}${trouble === "none" ? "" : `, the ${trouble} killed meanwhile`}`);
    if (trouble === "command") {
      await using process = new Watcher(name, this.place.config, { args });
      await sleep(this.random.int(50, 700));
      await process.end("SIGKILL");
      return;
    }
    const running = runLmsmon(name, this.place.config, { args });
    if (trouble === "watch") {
      await sleep(this.random.int(50, 700));
      await disturbed?.end("SIGKILL");
    }
    const { code, log } = await running;
    const fine = trouble === "watch" ? MAY_FAIL : [0];
    if (!fine.includes(code)) this.run.fail(`${what} ended with ${code}\n${log.slice(-10).join("\n")}`);
  }

  /** While everything is paused nobody is told anything. */
  #listen(): void {
    const told = this.#told() - (this.#silence?.messages ?? this.#told());
    if (told > 0) this.run.fail(`${told} messages left while everything was paused`);
  }

  /** Messages to mentors: notices to the administrator are never paused. */
  #told(): number {
    const { messages, owner } = this.place.zulip;
    return messages.filter(({ participants }) => !participants.includes(owner.id)).length;
  }

  #mentor(): string {
    return String(this.random.pick(this.place.load.material.mentors).id);
  }
}
