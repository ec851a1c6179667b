import type { Example } from "../lib/app/program_model.ts";

/** Worked examples by command: the end of each `--help`, and the manual's. A test parses each of them. */
const EXAMPLES: Readonly<Record<string, readonly (readonly [line: string, about: string])[]>> = {
  migrate: [
    ["migrate --status", "which version the state database has"],
    ["migrate", "bring it to this one"],
  ],
  "poll-once": [
    ["poll-once --dry-run", "what would be found and told, without doing it"],
    ["poll-once --no-notify", "store what is new, tell it later"],
  ],
  watch: [
    ["watch --interval 30s --listen 127.0.0.1:9464", "the daemon, with health and metrics"],
    ["watch --dry-run", "what it would tell, for as long as it runs"],
  ],
  "notify-test": [["notify-test --to mentor@institute.example --event exam_passed", "a sample to one person"]],
  "export-ai": [
    ["export-ai --since 7d --type exam_passed,exam_failed", "a week's results"],
    ["export-ai --unprocessed --mark-processed --out events.jsonl", "for a pipeline: each event once"],
  ],
  report: [
    ["report --out report.html", "who has gone quiet and who struggles, by pseudonym"],
    ["report --at yesterday --identified --out reports/", "a page with names for each mentor"],
    ["report --students 7713,asha --out call.html", "before a call, also of somebody on no list"],
  ],
  mcp: [
    ["mcp", "for an agent's configuration: students by pseudonym"],
    ["mcp --identified --mentor 3", "a mentor's own agent: names, and no other students"],
  ],
  "map-users": [
    ["map-users --only mentors --unmatched", "which mentors have no account, and why"],
    ["map-users --dry-run --csv", "the same as a table, nothing written"],
  ],
  release: [
    ["release --list", "what the fuse holds"],
    ["release --poll 88 --dry-run", "what would go out"],
    ['release --poll 88 --drop --reason "re-sync of old exams"', "never tell it"],
  ],
  init: [
    ["init", "on a terminal: asks"],
    [
      "init --lms-url postgres://ro@lms/lms --lms-password-file pw --zuliprc zuliprc --out /etc/lmsmon/config.yaml",
      "in a script",
    ],
  ],
  explain: [
    ["explain event 4711", "what happened to it"],
    ["explain --student 7713 --mentor 3 --exam 133", "why was mentor 3 not told?"],
    ["explain mentor 3", "has this mentor an account, and what waits?"],
    ["explain student 7713 --since 7d --json", "a week of a student, for a program"],
  ],
  pause: [
    ['pause --until tomorrow --reason "LMS is being upgraded"', "everything, until midnight"],
    ['pause --exam 133 --reason "wrong answer key"', "one exam, until resume"],
  ],
  resume: [["resume", "what was kept goes out"], ["resume --exam 133", "of one exam"]],
  retry: [["retry --dead --dry-run", "what was given up"], ["retry --mentor 3", "after their account was mended"]],
  preview: [["preview --day 2026-11-20", "before changing notify: what would that day have been like?"]],
  config: [
    ["config", "every key, its value, and where that comes from"],
    ["config --check", "before a reload or a restart"],
  ],
  reload: [["reload", "after a change of config.yaml"], ["reload --dry-run", "only check it"]],
  state: [
    ["state dump state.dump.gz", "all of it in one file"],
    ["state restore state.dump.gz", "into the empty state that state.url names now, on a server or embedded"],
    ["state check", "whether everything can be read and fits together"],
  ],
  audit: [["audit --since 30d", "who did what by hand"]],
  reconcile: [["reconcile --dry-run", "after a restore: what was sent already"]],
  stats: [
    ["stats", "what the state holds"],
    ["stats --day yesterday", "yesterday's numbers"],
    ["stats --since 30d --json", "a month by day"],
  ],
  doctor: [["doctor", "what is wrong, and what to do"]],
  demo: [["demo --seed 7", "made-up students, real messages"]],
  completion: [
    ["completion bash > /etc/bash_completion.d/lmsmon", "for everybody's bash"],
    ["completion zsh > ~/.zfunc/_lmsmon", "with ~/.zfunc in fpath"],
    ["completion fish > ~/.config/fish/completions/lmsmon.fish", "for fish"],
  ],
  man: [["man | man -l -", "read it"], ["man > /usr/local/share/man/man1/lmsmon.1", "for `man lmsmon`"]],
  version: [["version --json", "for a bug report"]],
};

export function examplesOf(command: string): readonly Example[] {
  return (EXAMPLES[command] ?? []).map(([line, about]) => ({ line, about }));
}

/** The end of a command's help. */
export function examplesHelp(command: string): string {
  const examples = examplesOf(command);
  if (examples.length === 0) return "";
  const width = Math.max(...examples.map(({ line }) => line.length));
  return `\nExamples:\n${examples.map(({ line, about }) => `  lmsmon ${line.padEnd(width)}  # ${about}`).join("\n")}`;
}
