/** Names of unpacked versions, and of those whose unpacking was interrupted. */
const VERSION = /^([0-9a-f]{32})\.\d+$/;
const UNUSED_MS = 30 * 24 * 3600_000;

/**
 * Removes the versions in the folder `cache` that nobody has started for 30 days and no running process holds. Versions before
 * 0.1.1 hold no lock, so nobody can tell: they stay.
 */
export function removeUnused(cache, nowMs = Date.now()) {
  for (const { name, isDirectory } of Deno.readDirSync(cache)) {
    if (!isDirectory || !VERSION.test(name)) continue;
    try {
      removeOne(cache, name, nowMs);
    } catch {
      // Another process removes it as well, or it is not ours to remove. It does no harm.
    }
  }
}

function removeOne(cache, name, nowMs) {
  const version = `${cache}/${name}`;
  const link = `${cache}/${VERSION.exec(name)[1]}`;
  if (!isUnused(version, nowMs)) return;
  const lock = Deno.openSync(`${version}/lock`);
  try {
    if (!lock.tryLockSync(true)) return;
    const isLinked = linkTarget(link) === name;
    if (isLinked) Deno.removeSync(link);
    // A start marks the version as used and then looks whether the link is still there: either it finds no link and unpacks anew, or
    // its mark is found here.
    if (isUnused(version, nowMs)) Deno.removeSync(version, { recursive: true });
    else if (isLinked) Deno.symlinkSync(name, link);
  } finally {
    lock.close();
  }
}

function isUnused(version, nowMs) {
  const stat = statOf(`${version}/used`) ?? Deno.statSync(version);
  return nowMs - stat.mtime.getTime() > UNUSED_MS;
}

function statOf(path) {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}

function linkTarget(path) {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}
