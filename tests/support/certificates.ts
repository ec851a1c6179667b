/** An authority, and certificates that it signs, made by openssl in a folder of one test file. */
export class Authority {
  private constructor(readonly folder: string, readonly name: string) {}

  static async make(folder: string, name: string): Promise<Authority> {
    await openssl(folder, [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "36500"],
      ...["-subj", `/CN=${name}`, "-addext", "basicConstraints=critical,CA:TRUE"],
      ...["-keyout", `${name}.key`, "-out", `${name}.crt`],
    ]);
    return new Authority(folder, name);
  }

  get file(): string {
    return `${this.folder}/${this.name}.crt`;
  }

  /** `names` as openssl writes them: `DNS:localhost`, `IP:127.0.0.1`; none for a client. Returns the paths. */
  async sign(name: string, names: string | null): Promise<{ readonly cert: string; readonly key: string }> {
    const { folder } = this;
    await openssl(folder, [
      ...["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", `/CN=${name}`],
      ...["-keyout", `${name}.key`, "-out", `${name}.csr`],
    ]);
    await Deno.writeTextFile(`${folder}/${name}.ext`, names === null ? "" : `subjectAltName=${names}\n`);
    await openssl(folder, [
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", `${this.name}.crt`, "-CAkey", `${this.name}.key`],
      ...["-CAcreateserial", "-days", "36500", "-extfile", `${name}.ext`, "-out", `${name}.crt`],
    ]);
    return { cert: `${folder}/${name}.crt`, key: `${folder}/${name}.key` };
  }

  /** The key once more, locked with a password. */
  async lock(name: string, password: string): Promise<string> {
    const out = `${this.folder}/${name}.locked.key`;
    await openssl(this.folder, ["pkcs8", "-topk8", "-in", `${name}.key`, "-out", out, "-passout", `pass:${password}`]);
    return out;
  }
}

async function openssl(cwd: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd, stdout: "null", stderr: "piped" })
    .output();
  if (!success) throw new Error(`Cannot run openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
