import { dirname } from "node:path";
import { StateError } from "../base/errors.ts";

interface Place {
  readonly path: string;
  /** The database itself. */
  readonly data: string;
}

/** Whose a path is: a name where the system tells, else a number, as sudo takes it; `null` where it has no owner (Windows) or cannot be seen. */
export function userOf(path: string): { readonly uid: number; readonly name: string } | null {
  try {
    const { uid } = Deno.statSync(path);
    return uid === null ? null : { uid, name: nameOf(uid) ?? `'#${uid}'` };
  } catch {
    return null;
  }
}

/** The name of a user of this machine; `null` where the system does not tell. */
export function nameOf(uid: number): string | null {
  try {
    const lines = Deno.readTextFileSync("/etc/passwd").split("\n");
    return lines.find((line) => line.split(":")[2] === String(uid))?.split(":")[0] ?? null;
  } catch {
    return null;
  }
}

/**
 * Why root must not open this directory's database, or make one there: the user who owns the place could not read or
 * change what root writes, and the service that runs as that user would fail. `null`: it may, or this is not root. Through an
 * owner's socket root works like anybody.
 */
export function rootIsAStranger({ path, data }: Place): StateError | null {
  if (currentUid() !== 0) return null;
  const user = userOf(data) ?? userOf(path) ?? userOf(dirname(path));
  if (user === null || user.uid === 0) return null;
  return new StateError(
    `Cannot open the state database in ${path}: that place belongs to the user ${user.name}, who could not use what root writes there`,
    {
      hint:
        `run it as that user: sudo -u ${user.name} lmsmon …; or, where lmsmon always runs as root, chown -R root that place`,
    },
  );
}

/** What to do for somebody who may not enter the directory, or may not make it. */
export function denied({ path }: Pick<Place, "path">): string {
  const owner = userOf(path);
  const above = userOf(dirname(path));
  const uid = currentUid();
  const name = uid === null ? "USER" : nameOf(uid) ?? `'#${uid}'`;
  // Of a folder that may not be entered nobody sees what is in it: only above one that can be seen a missing directory is missing.
  const give = owner === null && above !== null
    ? `make it for the user that runs lmsmon, as root: install -d -o ${name} -m 700 ${path}`
    : `give it to the user that runs lmsmon: chown -R ${name} ${path}; chmod 700 ${path}`;
  const user = owner ?? above;
  if (user === null || user.uid === uid) return give;
  return `it belongs to the user ${user.name}: run the command as that user (sudo -u ${user.name} lmsmon …), or ${give}`;
}

/** Who runs this process; `null` without --allow-sys and on Windows. */
export function currentUid(): number | null {
  try {
    return Deno.uid();
  } catch {
    return null; // no --allow-sys
  }
}
