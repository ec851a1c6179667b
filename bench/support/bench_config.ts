import { join } from "node:path";

export interface BenchConfig {
  readonly lms: string;
  readonly state: string;
  readonly interval?: string;
  readonly fullPass?: string;
  readonly zuliprc?: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A folder with a config.yaml (JSON is YAML), removed at the end. */
export class ConfigFolder implements AsyncDisposable {
  private constructor(readonly folder: string, readonly path: string) {}

  static async make(config: BenchConfig): Promise<ConfigFolder> {
    const folder = await Deno.makeTempDir({ prefix: "lmsmon_bench_" });
    const path = join(folder, "config.yaml");
    if (config.zuliprc) await Deno.writeTextFile(join(folder, "zuliprc"), config.zuliprc, { mode: 0o600 });
    await Deno.writeTextFile(
      path,
      JSON.stringify({
        lms: { name: "testpress", url: config.lms },
        state: { url: config.state },
        poll: { interval: config.interval ?? "60s", full_pass: config.fullPass ?? "10m" },
        notify: {
          digest: { events: ["exam_started"], at: [] },
          digest_above: 1,
          gather: 0,
          max_per_mentor: null,
          max_age: null,
          revisions: "score",
          fuse: null,
          timezone: "UTC",
        },
        ...(config.zuliprc ? { zulip: { config_file: "zuliprc" } } : {}),
        log: { level: "info", format: "json" },
        ...config.more,
      }),
    );
    return new ConfigFolder(folder, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
