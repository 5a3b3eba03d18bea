#!/bin/bash
# Inside a sandbox: runs the commands that are used most, so that the code which V8 makes for them is kept.
#
#   scripts/sandbox.sh scripts/lib/compile-ahead.sh NODE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
node=$1
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
netloom() { "$node" scripts/lib/compile-ahead.cjs "$@" --state "$state" >/dev/null; }

ip link add uplink0 type bridge
ip address add 198.51.100.2/24 dev uplink0
ip link set uplink0 up
ip route add default via 198.51.100.1
ip netns add pod
ip link add outside type veth peer name eth0 netns pod
ip -n pod address add 192.0.2.2/24 dev eth0
ip -n pod link set eth0 up

# The daemon first: it forgets the code of what it does not need.
mkfifo "$state/started"
exec 3<>"$state/started"
"$node" dist/netloom.cjs daemon --state "$state" >&3 2>/dev/null &
daemon=$!
read -r _ <&3
netloom bind --netns pod --interface eth0 --binding bridge --profile modern
netloom unbind --netns pod --interface eth0
kill "$daemon"
wait "$daemon"

netloom plan examples/dual-stack.yaml
netloom apply examples/office-dhcp.yaml
netloom status
netloom destroy examples/office-dhcp.yaml
