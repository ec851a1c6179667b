#!/bin/sh
# Installs lmsmon as a service: the program, its user, directories, unit, manual and completion; `uninstall` undoes it.
#   docs/install.sh install dist/lmsmon     docs/install.sh uninstall [--purge]
# DESTDIR=/some/root writes below that folder and leaves users and systemd alone (packages, tries).
set -eu
umask 022

DESTDIR=${DESTDIR:-}
here=$(cd "$(dirname "$0")" && pwd)
bin=$DESTDIR/usr/local/bin/lmsmon
unit=$DESTDIR/etc/systemd/system/lmsmon.service
man=$DESTDIR/usr/local/share/man/man1/lmsmon.1
bash=$DESTDIR/usr/local/share/bash-completion/completions/lmsmon
zsh=$DESTDIR/usr/local/share/zsh/site-functions/_lmsmon
fish=$DESTDIR/etc/fish/completions/lmsmon.fish
config=$DESTDIR/etc/lmsmon
state=$DESTDIR/var/lib/lmsmon

fail() { echo "install.sh: $*" >&2; exit 1; }
usage() { fail "usage: install.sh install PROGRAM | uninstall [--purge]"; }
real() { [ -z "$DESTDIR" ]; }
systemd() { real && command -v systemctl >/dev/null 2>&1 && [ -d /run/systemd/system ]; }

install_it() {
  [ -x "$1" ] || fail "$1 is no program; deno task build makes dist/lmsmon"
  [ -f "$here/lmsmon.service" ] || fail "lmsmon.service is not beside this script"
  real && [ "$(id -u)" -ne 0 ] && fail "must be run as root (or with DESTDIR)"
  if real && ! id lmsmon >/dev/null 2>&1; then
    useradd --system --home-dir /var/lib/lmsmon --shell /usr/sbin/nologin --user-group lmsmon
    echo "made the user lmsmon"
  fi
  install -D -m 755 "$1" "$bin"
  install -D -m 644 "$here/lmsmon.service" "$unit"
  install -d -m 750 "$config"
  install -d -m 700 "$state"
  mkdir -p "$(dirname "$man")" "$(dirname "$bash")" "$(dirname "$zsh")" "$(dirname "$fish")"
  "$bin" man >"$man"
  "$bin" completion bash >"$bash"
  "$bin" completion zsh >"$zsh"
  "$bin" completion fish >"$fish"
  if real; then
    chown root:lmsmon "$config"
    chown lmsmon:lmsmon "$state"
  fi
  if systemd; then systemctl daemon-reload; fi
  echo "installed $("$bin" --version)"
  [ -f "$config/config.yaml" ] ||
    echo "next: lmsmon init --out /etc/lmsmon/config.yaml; chown lmsmon /etc/lmsmon/config.yaml; systemctl enable --now lmsmon"
}

uninstall_it() {
  real && [ "$(id -u)" -ne 0 ] && fail "must be run as root (or with DESTDIR)"
  if systemd; then systemctl disable --now lmsmon 2>/dev/null || true; fi
  rm -f "$bin" "$unit" "$man" "$bash" "$zsh" "$fish"
  if systemd; then systemctl daemon-reload; fi
  if [ "${1:-}" = --purge ]; then
    rm -rf "$config" "$state" "$DESTDIR/var/cache/lmsmon"
    if real && id lmsmon >/dev/null 2>&1; then userdel lmsmon; fi
    echo "removed lmsmon, its configuration and its state"
  else
    echo "removed lmsmon; $config and $state stay (--purge removes them, too)"
  fi
}

case ${1:-} in
  install) [ $# -eq 2 ] || usage; install_it "$2" ;;
  uninstall) [ $# -le 2 ] || usage; [ $# -eq 1 ] || [ "$2" = --purge ] || usage; uninstall_it "${2:-}" ;;
  *) usage ;;
esac
