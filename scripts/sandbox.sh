#!/bin/bash
# Runs a command in namespaces of its own: user, network, mount and PID. Inside, the command is root; it cannot
# reach the machine's network, /run or /etc, and nothing that it starts outlives it.
#
#   scripts/sandbox.sh [--uids | --no-user] COMMAND [ARGUMENT...]
#
#   --uids     root only: map the uids and gids 0 to 65535 instead of one (daemons that drop to another user)
#   --no-user  root only: no user namespace, for real devices (mknod, macvtap's /dev/tapN, SO_RCVBUFFORCE)
#
# The exit status is the command's; TERM and HUP kill everything inside, Ctrl-C reaches the command itself.
set -euo pipefail

fail() {
  echo "sandbox: $1" >&2
  exit 125
}

users=one
while [[ ${1-} == --* ]]; do
  case $1 in
    --uids) users=many ;;
    --no-user) users=none ;;
    *) fail "unknown option $1" ;;
  esac
  shift
done
[[ $# -gt 0 ]] || fail "no command given"
if [[ $users != one && $EUID -ne 0 ]]; then fail "--uids and --no-user need root"; fi

# Some machines permit no user namespaces (containers, a sysctl); root is as well off without one.
if [[ ${NETLOOM_SANDBOX_STAGE-} != inside && $users == one ]] && ! unshare --user true 2>/dev/null; then
  if [[ $EUID -ne 0 ]]; then
    fail "this user may not make user namespaces here; see the sysctls kernel.unprivileged_userns_clone,
  kernel.apparmor_restrict_unprivileged_userns and user.max_user_namespaces"
  fi
  users=none
fi

# Runs as PID 1 of the sandbox: its end ends everything in there.
inside() {
  trap : INT
  # /sys/class/net shows the old network namespace until sysfs is mounted again.
  mount -t sysfs sysfs /sys

  # Everything in /etc can be written without touching the machine's: a copy, with links into /run made real.
  local etc kept
  etc=$(mktemp -d)
  mount -t tmpfs -o mode=0755 tmpfs "$etc"
  kept=mode,timestamps,links
  if [[ $NETLOOM_SANDBOX == none ]]; then kept=all; fi
  cp -dR --preserve="$kept" /etc/. "$etc" 2>/dev/null || true # what this user may not read stays away
  for name in resolv.conf hosts hostname; do
    if [[ -L /etc/$name || ! -e /etc/$name ]]; then
      rm -f "$etc/$name"
      cat "/etc/$name" >"$etc/$name" 2>/dev/null || true
    fi
  done
  mkdir -p "$etc/netns"
  mount --bind "$etc" /etc
  umount "$etc"
  rmdir "$etc"

  # Named namespaces, xtables.lock, pid files, the state of netloom itself.
  mount -t tmpfs -o mode=0755 tmpfs /run
  mkdir -p /run/netns /run/user
  mkdir -m 1777 /run/lock
  mkdir -m 0700 /run/user/0
  for folder in /var/run /var/lock /var/lib/dhcp /var/lib/dhcpcd /var/lib/misc; do
    if [[ -d $folder && ! -L $folder ]]; then mount -t tmpfs tmpfs "$folder"; fi
  done

  ip link set lo up
  export XDG_RUNTIME_DIR=/run/user/0
  local status=0
  "$@" || status=$?
  exit "$status"
}

# A user namespace with 65536 uids: its first process waits until the maps are written from outside.
with_many_users() {
  local gate child
  gate=$(mktemp -u)
  mkfifo "$gate"
  # shellcheck disable=SC2016
  (exec unshare --user bash -c 'read -r _ <"$0"; exec "$@"' "$gate" "$@") <&0 &
  child=$!
  while [[ $(readlink "/proc/$child/ns/user") == "$(readlink /proc/self/ns/user)" ]]; do sleep 0.005; done
  echo "0 0 65536" >"/proc/$child/uid_map"
  echo "0 0 65536" >"/proc/$child/gid_map"
  echo >"$gate"
  rm "$gate"
}

if [[ ${NETLOOM_SANDBOX_STAGE-} == inside ]]; then
  unset NETLOOM_SANDBOX_STAGE
  inside "$@"
fi

export NETLOOM_SANDBOX=$users NETLOOM_SANDBOX_STAGE=inside
namespaces=(unshare --net --mount --pid --fork --kill-child --mount-proc)
# The user namespace first: what the kernel makes for a network namespace belongs to the user that is root there by then.
if [[ $users == one ]]; then namespaces=(unshare --user --map-root-user "${namespaces[@]}"); fi
# A shell starts background commands with INT and QUIT ignored, which would be inherited by all inside.
command=(env --default-signal=INT,QUIT "${namespaces[@]}" bash "${BASH_SOURCE[0]}")
if [[ $users == many ]]; then
  with_many_users "${command[@]}" "$@"
else
  (exec "${command[@]}" "$@") <&0 &
fi
# unshare itself blocks TERM; killed, it takes PID 1 of the sandbox along.
outer=$!
trap 'kill -KILL "$outer" 2>/dev/null || true' TERM HUP
trap : INT
status=0
while true; do
  { wait "$outer" && status=0 || status=$?; } 2>/dev/null # bash would add "Killed"
  kill -0 "$outer" 2>/dev/null || break # wait also returns for a trapped signal
done
exit "$status"
