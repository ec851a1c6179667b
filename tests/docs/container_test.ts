import assert from "node:assert/strict";
import { parse } from "yaml";
import { freePort } from "../support/free_port.ts";
import { buildProgram } from "../../main.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const containerfile = await Deno.readTextFile(`${ROOT}Containerfile`);

Deno.test("the container is not root's, has one volume, and its health check tells alive from gone", async () => {
  assert.match(containerfile, /^USER 10001:10001$/m);
  assert.deepEqual(containerfile.match(/^VOLUME .*$/gm), ["VOLUME /var/lib/lmsmon"]);
  const [, command = "[]"] = /CMD (\["bash".*\])/.exec(containerfile) ?? [];
  const [program = "", ...args] = JSON.parse(command) as string[];
  const check = async (port: number) => {
    const { code } = await new Deno.Command(program, {
      args: args.map((arg) => arg.replace("9464", String(port))),
      stderr: "null",
    }).output();
    return code;
  };
  const port = freePort(); // on which nobody else answers once it is given back
  const server = Deno.serve({ port, hostname: "127.0.0.1", onListen: () => {} }, () => new Response("alive\n"));
  assert.equal(await check(port), 0);
  await server.shutdown();
  assert.notEqual(await check(port), 0);
});

Deno.test("the compose file names only files, volumes and secrets that it says more of", async () => {
  const { services, volumes, secrets } = parse(await Deno.readTextFile(`${ROOT}compose.yaml`));
  for (
    const { secrets: used = [], volumes: mounted = [] } of Object.values<{ secrets?: string[]; volumes?: string[] }>(
      services,
    )
  ) {
    for (const secret of used) assert.ok(secret in secrets, secret);
    for (const volume of mounted) {
      const [name = ""] = volume.split(":");
      assert.ok(name.startsWith(".") || name in volumes, volume);
    }
  }
  // What its head has somebody type is a command line that init takes, with secrets where the container has them.
  const head = (await Deno.readTextFile(`${ROOT}compose.yaml`)).split("services:")[0] ?? "";
  const [, init = ""] = /lmsmon (init [^]*?[^\\])\n/.exec(head.replaceAll(/\\\n#/g, "")) ?? [];
  const words = init.split(/\s+/);
  const command = (await buildProgram(words)).commands.find((one) => one.name() === "init");
  assert.deepEqual(command?.parseOptions(words.slice(1)).unknown, []);
  for (const [, name = ""] of init.matchAll(/\/run\/secrets\/(\w+)/g)) {
    assert.ok(services.lmsmon.secrets.includes(name), name);
  }
  assert.equal([...init.matchAll(/\/run\/secrets\//g)].length, 3);
  assert.equal(services.lmsmon.read_only, true);
  assert.equal(services.lmsmon.build.dockerfile, "Containerfile");
});
