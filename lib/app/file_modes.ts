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

/** The same of a file on disk; `null` too where there are no such rights (Windows) or no such file. */
export function othersWhoReadFile(path: string): ReturnType<typeof othersWhoRead> {
  try {
    const { mode, uid, gid } = Deno.statSync(path);
    return mode === null || uid === null || gid === null ? null : othersWhoRead({ mode, uid, gid });
  } catch {
    return null; // who needs the file says what is wrong with it
  }
}
