#!/bin/sh
# lmsmon @VERSION@: a program and its runtime in one file. The first start unpacks it into the user's cache, under a name made of
# its content; later starts run it from there. Needs sh, ls, tar and gzip.
set -eu
# `systemctl reload` right after a start ends nothing, here as in the program, which listens for it as soon as it runs.
trap '' HUP
content=@CONTENT@
own_place='Set LMSMON_CACHE to a directory of this user that nobody else may write, below no folder that everybody may write'
anew='Remove it, or set LMSMON_CACHE to another directory of this user'

# refuse MESSAGE [HINT]
refuse() {
  echo "error: Cannot start lmsmon: $1${2:+
hint: $2}" >&2
  exit 1
}

list() {
  LC_ALL=C TIME_STYLE=locale QUOTING_STYLE=literal "$@" 2>/dev/null
}

# examine FOLDER CACHE: refuses FOLDER when anybody else could change what lies there. Each folder on the way to it, as it is written
# and where links lead, must belong to this user or root, and nobody else may write it; CACHE and what lies in it must be this
# user's own. Sets $real, FOLDER without links, which is what is used from then on.
examine() {
  real=$(CDPATH= cd -P -- "$1" 2>/dev/null && pwd -P) || refuse "$1 cannot be entered" "$own_place"
  case $1$real in *'
'*) refuse "the name of its cache has a line break" "$own_place" ;; esac
  folder=$1 cache=$2 real_cache=$real
  set -- /
  if [ "$folder" = "$home" ]; then
    real_cache=${real%/*}
    for part in complete cache deno hold.js program program/main.js; do set -- "$@" "$real/$part"; done
  fi
  for path in "$folder" "$real"; do
    while [ -n "$path" ]; do
      set -- "$@" "$path"
      path=${path%/*}
    done
  done
  # One call for all, since every start waits for it. Where PATH has no ls, the system has one.
  listed=$(list ls -ldnL -- "$@" || list command -p ls -ldnL -- "$@") || {
    # Whoever put a version there that is not whole may have been let in by the folders above: that would be the better reason.
    [ "$folder" != "$home" ] || (examine "$parent" "$parent") || exit 1
    refuse "$folder is not whole or cannot be read" "$anew"
  }
  while read -r mode _ uid gid rest; do
    path=/${rest#*/}
    own=false
    case $path in "$home") own=true ;; "$cache" | "$real_cache" | "$real_cache"/*) [ -z "$cache" ] || own=true ;; esac
    if ! [ -O "$path" ] && { $own || [ "$uid" != 0 ]; }; then
      refuse "$path belongs to another user (uid $uid)" "$own_place"
    fi
    case $mode in
      ????????w*) refuse "everybody may write $path" "$own_place" ;;
      # A group with its owner's number is the owner's own; a + means that a list names more people.
      ?????w????+*) refuse "others may write $path" "$own_place" ;;
      ?????w*) [ "$own$gid" = "false$uid" ] || refuse "group $gid may write $path" "$own_place" ;;
    esac
  done <<LISTED
$listed
LISTED
}

# stopped SIGNAL: ends as the signal would have, so that whoever sent it (a shell, systemd) sees that it did.
stopped() {
  trap - EXIT INT TERM
  rm -rf "$unpacked"
  kill -s "$1" $$
}

unpack() {
  umask 077
  # Nothing is made below a folder that would be refused afterwards.
  existing=$parent
  while [ ! -d "${existing:-/}" ]; do existing=${existing%/*}; done
  [ "$existing" = "$parent" ] || examine "${existing:-/}" ""
  mkdir -p "$parent" 2>/dev/null || refuse "$parent cannot be made" "$own_place"
  examine "$parent" "$parent"
  number=$$
  until mkdir "$real/$content.$number" 2>/dev/null; do
    [ -e "$real/$content.$number" ] || refuse "$parent cannot be written" "$own_place"
    number=$((number + 1)) # in containers processes of the same number may share a cache
  done
  unpacked=$real/$content.$number
  trap 'rm -rf "$unpacked"' EXIT
  trap 'stopped INT' INT
  trap 'stopped TERM' TERM
  : > "$unpacked/lock"
  : > "$unpacked/used"
  tail -n +@LINES@ "$0" | gzip -dc 2>/dev/null | tar -xf - -C "$unpacked" 2>/dev/null ||
    refuse "$0 is damaged or the disk is full; copy it again"
  mkdir "$unpacked/cache"
  # The sums are checked by the program that was just unpacked; gzip's own checksum vouches for that one. It also removes versions
  # that nobody uses any more.
  DENO_DIR="$unpacked/cache" DENO_NO_UPDATE_CHECK=1 "$unpacked/deno" run --quiet --no-config --cached-only --no-prompt \
    --allow-read --allow-write "$unpacked/verify.js" "$unpacked" "$content" ||
    refuse "the content of $0 does not match its checksum; copy it again"
  : > "$unpacked/complete"
  # A link may be there already, to a version that was removed or never finished: it goes. Where there was none, another first
  # start may make one right now, to a finished version: that one must stay, so it is asked first whether there is a link.
  [ ! -h "$home" ] || [ -f "$home/complete" ] || rm -f "$home" 2>/dev/null || :
  # Two first starts at once: making the link is atomic, and the one who comes second removes its own copy.
  ln -sn "$content.$number" "$home" 2>/dev/null || :
  if [ "$(readlink "$home")" = "$content.$number" ]; then trap - EXIT; else rm -rf "$unpacked"; fi
  trap - EXIT INT TERM
  [ -f "$home/complete" ] || refuse "$home cannot be made" "$anew"
}

if [ -n "${LMSMON_CACHE:-}" ]; then parent=$LMSMON_CACHE
elif [ -n "${XDG_CACHE_HOME:-}" ]; then parent=$XDG_CACHE_HOME/lmsmon
elif [ -n "${HOME:-}" ]; then parent=$HOME/.cache/lmsmon
# Never the temporary folder: whoever unpacks there first would choose what this user runs.
else refuse "there is no place for it, as none of LMSMON_CACHE, XDG_CACHE_HOME and HOME is set" "$own_place"
fi
case $parent in /*) ;; *) parent=$PWD/$parent ;; esac
home=$parent/$content
# First it is marked as used, then looked for once more: who removes old versions does it in the opposite order.
until
  [ -f "$home/complete" ] && examine "$home" "$parent" &&
    { true > "$real/used" || :; } 2>/dev/null && [ -f "$home/complete" ]
do unpack; done
DENO_DIR=$real/cache
DENO_NO_UPDATE_CHECK=1
export DENO_DIR DENO_NO_UPDATE_CHECK
exec "$real/deno" run --quiet --no-config --cached-only @PERMISSIONS@ --preload "$real/hold.js" "$real/program/main.js" "$@"
