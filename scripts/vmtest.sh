#!/bin/bash
# Runs a command of this machine in a throw-away guest with Debian's cloud kernel (QEMU without KVM, about 3 s to
# start). The guest sees this machine's files read-only, with an overlay in memory on top; the command is root there
# and has every kernel module of Debian. Needs no root and no network; works inside the sandbox too.
#
#   scripts/vmtest.sh [OPTION...] [--] COMMAND [ARGUMENT...]
#
#   -w FOLDER    this folder is writable, for results
#   -M MODULES   modules to load first, separated by blanks (most load by themselves)
#   -n COUNT     user-mode network cards eth0, … without a way out
#   -m MIB       memory (1024)    -c COUNT  processors (1)    -t SECONDS  time limit (300)
#   -q WORD      one more word for QEMU
#   -v           keep the kernel's messages
#
# The exit status is the command's; 124 after the time limit, 125 when the guest reported none.
set -euo pipefail

fail() {
  echo "vmtest: $1" >&2
  exit "${2:-125}"
}

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
image=$root/.cache/guest
PATH=$PATH:/usr/sbin:/sbin

# In a sandbox of its own: nothing of a guest outlives this script, and /run can be written.
if [[ ${VMTEST_STAGE-} != inside ]]; then
  export VMTEST_STAGE=inside
  options=()
  if [[ $EUID -eq 0 ]]; then options=(--no-user); fi # the files keep their owners
  exec "$root/scripts/sandbox.sh" "${options[@]}" bash "${BASH_SOURCE[0]}" "$@"
fi
unset VMTEST_STAGE

# Several emulated processors of QEMU 7.2 now and then miss an interrupt of each other, and the guest stands still.
writable='' modules='' cards=0 memory=1024 processors=1 limit=300 loglevel='quiet loglevel=0' extra=()
while getopts w:M:n:m:c:t:q:v option; do
  case $option in
    w) writable=$(readlink -f "$OPTARG") ;;
    M) modules=$OPTARG ;;
    n) cards=$OPTARG ;;
    m) memory=$OPTARG ;;
    c) processors=$OPTARG ;;
    t) limit=$OPTARG ;;
    q) extra+=("$OPTARG") ;;
    v) loglevel='loglevel=5' ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[[ $# -gt 0 ]] || fail "no command given" 2
[[ -e $image/vmlinuz && -e $image/vmtest-initrd.gz ]] || fail "no guest image: run node scripts/guest-image.mjs"

work=/run/vmtest
mkdir "$work"

# What the guest runs, handed over as a second archive behind the first; archives start on 4-byte boundaries.
mkdir "$work/job"
{
  printf 'export HOME=/root TERM=dumb LANG=C.UTF-8 NETLOOM_SANDBOX=guest XDG_RUNTIME_DIR=/run/user/0 PATH=%q\n' "$PATH"
  printf 'cd %q || exit 126\n' "$PWD"
  if [[ -n $modules ]]; then printf 'modprobe -a %s || exit 126\n' "$modules"; fi
  printf '%q ' "$@"
  echo
} >"$work/job/job.sh"
echo "$writable" >"$work/job/job.writable"
echo "$image/kernel" >"$work/job/job.kernel"
{
  cat "$image/vmtest-initrd.gz"
  head -c $(((4 - $(stat -L -c %s "$image/vmtest-initrd.gz") % 4) % 4)) /dev/zero
  (cd "$work/job" && printf '%s\n' job.sh job.writable job.kernel | cpio -o -H newc --quiet)
} >"$work/initrd"

# Shares a folder under a tag. virtiofsd of QEMU 7.2 cannot share read-only: the root goes through a read-only bind.
devices=()
preload=
if [[ $(cat /proc/self/setgroups) == deny ]]; then preload=$image/virtiofsd-as-user.so; fi
share() {
  local tag=$1 source=$2
  LD_PRELOAD=$preload /usr/lib/qemu/virtiofsd --socket-path="$work/$tag.socket" -o source="$source" -o sandbox=chroot -o cache="$3" \
    --rlimit-nofile=0 --thread-pool-size=0 >"$work/$tag.log" 2>&1 &
  devices+=(-chardev "socket,id=$tag,path=$work/$tag.socket"
    -device "vhost-user-fs-pci,chardev=$tag,tag=$tag,queue-size=1024")
}
mkdir "$work/root"
mount --rbind / "$work/root"
mount -o remount,bind,ro "$work/root"
share root "$work/root" always
if [[ -n $writable ]]; then share writable "$writable" auto; fi
for _ in {1..500}; do
  if [[ -S $work/root.socket && (-z $writable || -S $work/writable.socket) ]]; then break; fi
  sleep 0.01
done
for ((card = 0; card < cards; card++)); do
  devices+=(-netdev "user,id=n$card,restrict=on" -device "virtio-net-pci,netdev=n$card,romfile=")
done
if [[ $cards -eq 0 ]]; then devices+=(-nic none); fi

arguments="console=ttyS0 panic=-1 $loglevel mitigations=off nokaslr tsc=reliable no_timer_check"
arguments+=" random.trust_cpu=on cryptomgr.notests audit=0"
# Emulated, AVX and byte-wise string instructions cost more than what programs do on a processor without them.
processor=max,-la57,-erms,-avx,-avx2,-xsave
status=0
timeout --foreground --kill-after=2 "$limit" qemu-system-x86_64 -M q35,smm=off -accel tcg,thread=multi,tb-size=256 \
  -cpu "$processor" -smp "$processors" -m "$memory" -display none -no-reboot -nodefaults \
  -object "memory-backend-memfd,id=memory,size=${memory}M,share=on" -numa node,memdev=memory \
  -kernel "$image/vmlinuz" -initrd "$work/initrd" -append "$arguments" \
  -chardev stdio,id=console,signal=off -serial chardev:console -serial "file:$work/report" \
  "${devices[@]}" ${extra[@]+"${extra[@]}"} </dev/null 2>"$work/qemu.log" | sed -u 's/\r$//' || status=${PIPESTATUS[0]}

touch "$work/report" # QEMU makes it, if it starts at all
reported=$(tr -d '\r' <"$work/report" | sed -n 's/^STATUS //p')
if [[ -n $reported ]]; then exit "$reported"; fi
cat "$work/report" "$work"/*.log >&2
if [[ $status -eq 124 ]]; then fail "the time limit of $limit s is over" 124; fi
fail "the guest reported no status"
