import assert from "node:assert/strict";
import { describeError } from "../../lib/base/describe_error.ts";
import { StateError } from "../../lib/base/errors.ts";
import { readFailure } from "../../lib/bot/read_failure.ts";
import { readConstants } from "../../lib/insights/constants_file.ts";
import { readJournal } from "../../lib/privacy/journal.ts";
import { lmsError } from "../../lib/source/lms_errors.ts";
import { LmsmonHome } from "../support/lmsmon_process.ts";

const READING = ["stats", "export-ai", "release --list", "migrate --status", "doctor", "map-users", "reconcile"];

for (
  const [what, text, said] of [
    ["no configuration", null, /^error: Cannot find a configuration: looked for/],
    ["an empty one", "# state: {}\n", /^error: Cannot use the configuration config.yaml: it is empty/],
  ] as const
) {
  Deno.test(`${READING.join(", ")} with ${what} end with 2 at once, and make no state`, async () => {
    await using home = await LmsmonHome.make({});
    const path = `${home.folder}/config.yaml`;
    if (text === null) await Deno.remove(path);
    else await Deno.writeTextFile(path, text);
    for (const command of READING) {
      const { code, out, err } = await home.run(...command.split(" "));
      assert.deepEqual([command, code, out], [command, 2, ""], err);
      assert.match(err, said);
    }
    assert.deepEqual([...Deno.readDirSync(home.folder)].map(({ name }) => name), text === null ? [] : ["config.yaml"]);
  });
}

Deno.test("an unknown command is told what it is called here", async () => {
  await using home = await LmsmonHome.make({});
  for (
    const [word, meant] of [
      ["poll", "Did you mean poll-once?"],
      ["export", "Did you mean export-ai?"],
      ["users", "Did you mean map-users?"],
      ["status", "Did you mean stats?"],
      ["start", "Did you mean watch?"],
      ["watchh", "Did you mean watch?"],
      ["xyzzy", "There are migrate, poll-once, watch,"],
    ] as const
  ) {
    const { code, err } = await home.run(word);
    assert.equal(code, 2, word);
    assert(err.startsWith(`error: unknown command '${word}'\nhint: ${meant}`), err);
  }
});

Deno.test("a group of commands without the one that is meant shows its help, and ends with 2", async () => {
  await using home = await LmsmonHome.make({});
  for (const group of ["preset", "state", "privacy"]) {
    const { code, out, err } = await home.run(group);
    assert.deepEqual([code, out], [2, ""], group);
    assert(err.startsWith(`Usage: lmsmon ${group} `) && err.includes("Global Options:"), err);
  }
});

Deno.test("help for a command that does not exist is an error with a suggestion, in groups too", async () => {
  await using home = await LmsmonHome.make({});
  for (
    const [line, word, meant] of [
      ["help pasue", "pasue", "Did you mean pause?"],
      ["help why", "why", "Did you mean explain?"],
      ["--log-level debug help nonsense", "nonsense", "There are migrate, poll-once,"],
      ["nonsense --help", "nonsense", "There are migrate, poll-once,"],
      ["help consumers dorp", "consumers dorp", "Did you mean drop?"],
      ["consumers dorp", "consumers dorp", "Did you mean drop?"],
      ["preset xyzzy", "preset xyzzy", "There are preset show, preset check"],
    ] as const
  ) {
    const { code, out, err } = await home.run(...line.split(" "));
    assert.deepEqual([code, out], [2, ""], line);
    assert(err.startsWith(`error: unknown command '${word}'\nhint: ${meant}`), err);
  }
  // A mistyped flag is named, not the word behind it.
  for (
    const [line, flag, hint] of [
      ["insights --cours 4", "--cours", "Did you mean --course?"],
      ["insights --as-of yesterday", "--as-of", "See `lmsmon --help`"],
      ["consumers --jsno drop", "--jsno", "Did you mean --json?"],
    ] as const
  ) {
    const { code, err } = await home.run(...line.split(" "));
    assert.equal(code, 2, line);
    assert(err.startsWith(`error: unknown option '${flag}'\nhint: ${hint}`), err);
  }
  for (
    const line of [
      ...["help", "help help", "help consumers drop", "explain event 5 --help", "--help"],
      ...["insights --mentor 17 --help", "--log-level debug explain --student 17 --help"],
    ]
  ) {
    const { code, out, err } = await home.run(...line.split(" "));
    assert.deepEqual([code, err], [0, ""], line);
    assert.match(out, line.includes("drop") ? /^Usage: lmsmon consumers drop/ : /^Usage: lmsmon/, line);
  }
});

Deno.test("warn is warning, on the command line and in the configuration; today and yesterday are dates", async () => {
  await using home = await LmsmonHome.make({ state: { url: "pglite:./state" }, log: { level: "warn" } });
  for (const args of [[], ["--log-level", "warn"], ["--log-level=warning"]]) {
    const { code, err } = await home.run("export-ai", "--since", "yesterday", "--until", "today", ...args);
    assert.deepEqual([code, err], [0, ""]);
  }
  const { code, err } = await home.run("stats", "--log-level", "warnings");
  assert.equal(code, 2);
  assert.match(err, /Allowed choices are debug, info, warning, error/);
});

Deno.test("no error speaks of Deno's flags, whatever it is made of", () => {
  const flagged = 'Requires read access to "/dev/x", run again with the --allow-read flag';
  for (const error of [new Deno.errors.NotCapable(flagged), new StateError(`Cannot open it: ${flagged}`)]) {
    const { message, hint } = describeError(error);
    assert.doesNotMatch(`${message} ${hint}`, /--allow/);
    assert.match(message, /\/dev\/x/);
  }
});

const target = { dialect: "mysql", label: "127.0.0.1:3306/lms", user: "ro" } as const;
const failed = (code: string | null, message: string, dialect: "mysql" | "postgres" = "mysql") => {
  const error = lmsError(Object.assign(new Error(message), code === null ? {} : { code }), { ...target, dialect });
  const { exitCode, hint } = describeError(error);
  return { exitCode, hint: hint ?? "" };
};

Deno.test("a refusal of the LMS has the hint for what it is: plugin, TLS, certificate, limits, a locked account, a database that is closed", () => {
  for (const plugin of ["client_ed25519", "auth_gssapi_client", "dialog", "authentication_webauthn_client"]) {
    const said = `Server requests authentication using unknown plugin ${plugin}. See TODO: add plugins docs here`;
    const { exitCode, hint } = failed("AUTH_SWITCH_PLUGIN_ERROR", said);
    assert.equal(exitCode, 4);
    assert(hint.startsWith(`lmsmon cannot log in by ${plugin}.`) && hint.includes("mysql_native_password"), hint);
  }
  const needsTls = [
    ["28000", 'no pg_hba.conf entry for host "127.0.0.1", user "ro", database "lms", no encryption', "postgres"],
    ["28000", 'no pg_hba.conf entry for host "127.0.0.1", user "ro", database "lms", SSL off', "postgres"],
    ["ER_SECURE_TRANSPORT_REQUIRED", "Connections using insecure transport are prohibited while …", "mysql"],
    ["HY000", "Connections using insecure transport are prohibited while --require_secure_transport=ON.", "mysql"],
  ] as const;
  for (const [code, message, dialect] of needsTls) {
    const { exitCode, hint } = failed(code, message, dialect);
    assert.equal(exitCode, 4, message);
    assert.match(hint, /TLS only: add \?sslmode=require/);
  }
  assert.match(failed(null, "invalid peer certificate: Expired", "postgres").hint, /has expired/);
  assert.match(failed("CERT_HAS_EXPIRED", "certificate has expired").hint, /has expired/);
  assert.match(failed(null, "invalid peer certificate: UnknownIssuer", "postgres").hint, /sslrootcert/);
  const limits = [
    ["ER_USER_LIMIT_REACHED", "User 'ro' has exceeded the 'max_queries_per_hour' resource (current value: 3)"],
    ["ER_TOO_MANY_USER_CONNECTIONS", "User ro already has more than 'max_user_connections' active connections"],
  ] as const;
  for (const [code, message] of limits) {
    const { exitCode, hint } = failed(code, message, "mysql");
    assert.equal(exitCode, 4, message);
    assert.match(hint, /needs two connections .* with max_user_connections 0 max_queries_per_hour 0/);
  }
  const account = [
    ["ER_BULK_PARSER_INCOMPLETE_ESCAPE_SEQUENCE", "Access denied, this account is locked", "mysql", /account unlock/],
    ["ER_ACCOUNT_HAS_BEEN_LOCKED", "Access denied for user. Account is locked.", "mysql", /account unlock/],
    ["ER_MUST_CHANGE_PASSWORD", "You must SET PASSWORD before executing this statement", "mysql", /has expired/],
    ["28000", 'role "ro" is not permitted to log in', "postgres", /alter role ".*" login/],
    ["53300", 'too many connections for role "ro"', "postgres", /alter role ".*" connection limit/],
  ] as const;
  for (const [code, message, dialect, remedy] of account) {
    const { exitCode, hint } = failed(code, message, dialect);
    assert.equal(exitCode, 4, message);
    assert.match(hint, remedy);
  }
  const closed = failed("55000", 'database "lms" is not currently accepting connections', "postgres");
  assert.equal(closed.exitCode, 4);
});

Deno.test("a failure of Zulip's TLS has the hint for what it is", () => {
  const hintOf = (reason: string, site = "https://zulip.example") =>
    readFailure("users/me", { kind: "failed", sent: "no", reason }, site).hint ?? "";
  assert.match(hintOf("cannot connect: invalid peer certificate: UnknownIssuer"), /cert_bundle=FILE.*DENO_CERT/);
  assert.match(hintOf("cannot connect: invalid peer certificate: CaUsedAsEndEntity"), /cert_bundle/);
  assert.match(hintOf("cannot connect: invalid peer certificate: Expired"), /has expired/);
  assert.match(hintOf("cannot connect: certificate not valid for name"), /another name's/);
  assert.match(hintOf("connection failed: connection reset", "http://localhost:9991"), /https:\/\/localhost:9991/);
});

Deno.test("a journal, outcomes or constants that cannot be read are told in words, with the remedy", async () => {
  await using home = await LmsmonHome.make({});
  for (const [path, why] of [["missing", "there is no such file"], ["", "it is a directory"]] as const) {
    const file = `${home.folder}/${path}`;
    const isSaid = (error: unknown) => {
      const { message, hint } = describeError(error);
      assert.ok(message.endsWith(`: ${why}`), message);
      return hint !== null;
    };
    await assert.rejects(readJournal(file, true), isSaid);
    await assert.rejects(readConstants(file), isSaid);
  }
});
