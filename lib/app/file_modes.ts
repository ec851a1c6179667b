/** What decides whether others may read a file. */
export interface FileRights {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who besides its owner may read a file, `null` for nobody. A group counts when a plain user's file is open to one that is not
 * the user's own (same number): root's file with a group is how a service gets to read its configuration.
 */
export function othersWhoRead({ mode, uid, gid }: FileRights): "everybody" | "its group" | null {
  if (mode & 0o004) return "everybody";
  return mode & 0o040 && uid !== 0 && gid !== uid ? "its group" : null;
}

/** What shuts others out and leaves whoever needs the file in: of root's with a service's group, that group reads it. */
export function shutOut(path: string, { uid, gid }: Pick<FileRights, "uid" | "gid">): string {
  return `chmod ${uid === 0 && gid !== 0 ? "640" : "600"} ${path}`;
}

/** The same of a file on disk, with the remedy; `null` too where there are no such rights (Windows) or no such file. */
export function othersWhoReadFile(path: string): { readonly who: string; readonly remedy: string } | null {
  try {
    const { mode, uid, gid } = Deno.statSync(path);
    if (mode === null || uid === null || gid === null) return null;
    const who = othersWhoRead({ mode, uid, gid });
    return who === null ? null : { who, remedy: shutOut(path, { uid, gid }) };
  } catch {
    return null; // who needs the file says what is wrong with it
  }
}
