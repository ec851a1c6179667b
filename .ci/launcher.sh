#!/bin/sh
# lmsmon @VERSION@: a program and its runtime in one file. The first start unpacks it into the user's cache, under a name made of
# its content; later starts run it from there. Needs sh, tar and gzip.
set -eu
content=@CONTENT@
parent=${LMSMON_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/lmsmon}
home=$parent/$content
if [ ! -f "$home/complete" ]; then
  umask 077
  mkdir -p "$parent" || { echo "error: Cannot unpack lmsmon into $parent; set LMSMON_CACHE to a directory you can write" >&2; exit 1; }
  unpacked=$parent/$content.$$
  rm -rf "$unpacked"
  trap 'rm -rf "$unpacked"' EXIT
  trap 'exit 130' INT TERM HUP
  mkdir "$unpacked"
  tail -n +@LINES@ "$0" | gzip -dc 2>/dev/null | tar -xf - -C "$unpacked" 2>/dev/null ||
    { echo "error: Cannot unpack lmsmon: $0 is damaged or the disk is full; copy it again" >&2; exit 1; }
  # The sums are checked by the program that was just unpacked; gzip's own checksum vouches for that one.
  DENO_DIR="$unpacked/cache" DENO_NO_UPDATE_CHECK=1 "$unpacked/deno" run --quiet --no-config --cached-only --no-prompt \
    --allow-read="$unpacked" "$unpacked/verify.js" "$unpacked" "$content" ||
    { echo "error: Cannot use $0: its content does not match its checksum; copy it again" >&2; exit 1; }
  : > "$unpacked/complete"
  # Two first starts at once: making the link is atomic, and the one who comes second removes its own copy.
  ln -sn "$content.$$" "$home" 2>/dev/null || :
  if [ "$(readlink "$home")" = "$content.$$" ]; then trap - EXIT; else rm -rf "$unpacked"; fi
  trap - EXIT INT TERM HUP
fi
DENO_DIR=$home/cache
DENO_NO_UPDATE_CHECK=1
export DENO_DIR DENO_NO_UPDATE_CHECK
exec "$home/deno" run --quiet --no-config --cached-only @PERMISSIONS@ "$home/program/main.js" "$@"
