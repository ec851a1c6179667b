import { Buffer } from "node:buffer";

interface Package {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
  readonly localPath: string;
}

/**
 * The bill of materials in CycloneDX 1.6: every package that the program is made of (not those of its tests), with the hash that
 * deno.lock holds, its licence, and what needs what; and the Deno that runs it. It says the same of the same sources.
 */
export async function billOfMaterials(version: string) {
  const { npm }: { npm: Record<string, { integrity?: string }> } = JSON.parse(await Deno.readTextFile("deno.lock"));
  const packages = await packagesOfProgram();
  const refOf = (key: string) => {
    const known = packages.get(key);
    if (known === undefined) throw new Error(`Cannot list the materials: deno knows no package ${key}`);
    return purl(known.name, known.version);
  };
  const listed = new Map([...packages].map(([key, one]) => [purl(one.name, one.version), { key, one }]));
  const components = await Promise.all(
    [...listed].toSorted(([a], [b]) => a < b ? -1 : 1).map(async ([ref, { key, one }]) => ({
      type: "library",
      "bom-ref": ref,
      name: one.name,
      version: one.version,
      purl: ref,
      hashes: hashesOf(npm[key]?.integrity),
      licenses: await licencesOf(one),
    })),
  );
  const deno = purl("deno", Deno.version.deno);
  const direct = await importedDirectly();
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", "bom-ref": `lmsmon@${version}`, name: "lmsmon", version } },
    components: [
      { type: "platform", "bom-ref": deno, name: "deno", version: Deno.version.deno, purl: deno },
      ...components,
    ],
    dependencies: [
      {
        ref: `lmsmon@${version}`,
        dependsOn: [deno, ...components.filter(({ name }) => direct.has(name)).map(({ purl }) => purl)],
      },
      ...[...listed].map(([ref, { one }]) => ({ ref, dependsOn: [...new Set(one.dependencies.map(refOf))].toSorted() }))
        .toSorted((a, b) => a.ref < b.ref ? -1 : 1),
    ],
  };
}

interface Info {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, Package>>;
}

/** By their keys in deno.lock. */
async function packagesOfProgram(): Promise<ReadonlyMap<string, Package>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot list the materials: deno info failed\n${new TextDecoder().decode(stderr)}`);
  const { modules, npmPackages }: Info = JSON.parse(new TextDecoder().decode(stdout));
  const used = new Map<string, Package>();
  // It names every package of deno.json: of those that only tests use, nothing is reached.
  const reach = (key: string) => {
    const found = npmPackages[key];
    if (found === undefined || used.has(key)) return;
    used.set(key, found);
    found.dependencies.forEach(reach);
  };
  for (const { npmPackage } of modules) if (npmPackage !== undefined) reach(npmPackage);
  return used;
}

/** The names that deno.json imports. */
async function importedDirectly(): Promise<ReadonlySet<string>> {
  const { imports }: { imports: Record<string, string> } = JSON.parse(await Deno.readTextFile("deno.json"));
  return new Set(Object.values(imports).map((specifier) => /^npm:(@?[^@]+)@/.exec(specifier)?.[1] ?? ""));
}

const purl = (name: string, version: string) => `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;

function hashesOf(integrity: string | undefined) {
  const [algorithm, digest] = integrity?.split("-") ?? [];
  if (algorithm !== "sha512" || digest === undefined) return [];
  return [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }];
}

/** As the package itself says. */
async function licencesOf({ localPath }: Package) {
  const { license }: { license?: unknown } = JSON.parse(await Deno.readTextFile(`${localPath}/package.json`));
  if (typeof license !== "string" || license === "") return [];
  return [/\s|\(/.test(license) ? { expression: license } : { license: { id: license } }];
}
