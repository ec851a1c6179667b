import process from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** From an answer out of memory to a statement's time limit. */
const LATENCIES = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 15, 30];

/**
 * What a Prometheus can scrape. Base units, counters end in _total, every series of lmsmon's own says of which source it is, and
 * no label ever names a student, mentor or recipient. Each process has its own registry: several watchers are several targets.
 * A series that nothing is known of is not there, instead of 0.
 */
export function createMetrics(version: string, source: string) {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({ name: "lmsmon_build_info", help: "1; the version is the label", labelNames: ["version"], registers })
    .set({ version }, 1);
  processMetrics(registers);
  const counter = (name: string, help: string, ...labels: string[]) => {
    const made = new Counter({ name, help, labelNames: ["source", ...labels], registers });
    if (labels.length === 0) made.inc({ source }, 0);
    return { inc: (values: Readonly<Record<string, string>>, n = 1) => made.inc({ source, ...values }, n) };
  };
  const gauge = (name: string, help: string, ...labels: string[]) => {
    const made = new Gauge({ name, help, labelNames: ["source", ...labels], registers });
    return {
      set: (n: number, values: Readonly<Record<string, string>> = {}) => made.set({ source, ...values }, n),
      reset: () => made.reset(),
    };
  };
  const histogram = (name: string, help: string, buckets: number[], ...labels: string[]) => {
    const made = new Histogram({ name, help, buckets, labelNames: ["source", ...labels], registers });
    return {
      observe: (seconds: number, values: Readonly<Record<string, string>> = {}) =>
        made.observe({ source, ...values }, seconds),
    };
  };
  return {
    registry,
    leading: gauge("lmsmon_leading", "1 while this process polls the source"),
    polls: counter("lmsmon_polls_total", "Polls by mode (full, quick, skipped) and result", "mode", "result"),
    pollSeconds: histogram(
      "lmsmon_poll_duration_seconds",
      "How long polls took",
      [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300],
      "mode",
    ),
    lastPoll: gauge(
      "lmsmon_last_successful_poll_timestamp_seconds",
      "When the last poll of this process ended well; alert on the age of the newest of a source",
    ),
    rowsRead: counter("lmsmon_rows_read_total", "LMS rows looked at one by one"),
    quarantined: gauge("lmsmon_quarantined_rows", "Rows of the last poll that could not be judged"),
    unreadableTexts: gauge(
      "lmsmon_unreadable_text_rows",
      "Rows of the last poll with text that is not in the LMS's encoding",
    ),
    events: counter("lmsmon_events_total", "Events stored, by type", "type"),
    heldPolls: counter("lmsmon_held_polls_total", "Polls whose messages the fuse held"),
    deliveries: gauge("lmsmon_deliveries", "Deliveries that are not over, by status", "status"),
    waiting: gauge(
      "lmsmon_waiting_deliveries",
      "Deliveries that wait for a time, by reason: gathering, quiet, digest, rate, no_account, …",
      "reason",
    ),
    ended: counter("lmsmon_deliveries_ended_total", "Deliveries that ended (sent, suppressed, dead)", "status"),
    suppressed: counter(
      "lmsmon_suppressed_total",
      "Events and deliveries that ended without a message, by reason",
      "reason",
    ),
    oldestDue: gauge("lmsmon_oldest_due_seconds", "For how long the oldest delivery that may leave has been due"),
    sends: counter("lmsmon_sends_total", "Requests to send a message, by what came of them", "outcome"),
    refusals: counter("lmsmon_refusals_total", "Messages that Zulip refused, by its code", "reason"),
    blocked: gauge("lmsmon_delivery_blocked", "1 while nothing can be sent; /readyz says why"),
    lmsSeconds: histogram("lmsmon_lms_query_duration_seconds", "How long statements to the LMS took", LATENCIES),
    zulipSeconds: histogram(
      "lmsmon_zulip_request_duration_seconds",
      "How long requests to Zulip took",
      LATENCIES,
      "method",
    ),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Those of the names that Prometheus gives to every process, as far as they can be known here. */
function processMetrics(registers: Registry[]): void {
  const startedS = performance.timeOrigin / 1000;
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since 1970",
    registers,
  }).set(startedS);
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory",
    registers,
    collect() {
      this.set(Deno.memoryUsage().rss);
    },
  });
  let told = 0;
  new Counter({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      const seconds = (user + system) / 1e6;
      this.inc(Math.max(0, seconds - told));
      told = seconds;
    },
  });
}
