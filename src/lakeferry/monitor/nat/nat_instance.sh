#!/bin/bash
# Makes an Amazon Linux 2023 instance a NAT whose path is watched.
#
#   (no word)   what cloud-init runs at the first boot: install, start, and wait for the path
#   start       kernel, rules and canary: what systemd runs at every boot, and before each watch
#   watch | status | fail-over | fail-back [ROUTE TABLE...]   see nat_peer.py
#
# `user_data.py` writes the settings and nat_peer.py into this text and leaves the lines of comments
# out. Nothing here may look like a template's own words: dollar with brace, percent with brace.
# It may be run again at any time: what is there already stays, connections too.
set -Eeuo pipefail
umask 022
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

readonly VPC_CIDRS=''
readonly PORT='8472'

readonly PROGRAM=/usr/local/sbin/lakeferry-nat
readonly PEER=/opt/lakeferry-nat/nat_peer.py
readonly PLAN=/opt/lakeferry-nat/plan.json
readonly UNIT=/etc/systemd/system/lakeferry-nat.service
readonly SELF=/run/lakeferry-nat/self
readonly METADATA=http://169.254.169.254/latest
readonly CANARY=lakeferry-canary
# The canary's own network: link-local, so no VPC can have it.
readonly CANARY_NET=169.254.254.0/30 CANARY_GATE=169.254.254.1 CANARY_IP=169.254.254.2

say() { echo "lakeferry-nat: $*"; }

# cloud-init and systemd keep what is said here, and both take the status for a failure.
trap 'say "FAILED in line $LINENO: $BASH_COMMAND" >&2' ERR

die() {
  say "FAILED: $*" >&2
  exit 1
}

# ---- install: once

install_packages() {
  local try
  for try in 1 2 3 4 5 6 7 8 9 10; do
    if command -v nft >/dev/null && command -v aws >/dev/null; then
      return
    fi
    # A public address may come some seconds after the machine.
    dnf install --assumeyes --quiet nftables awscli-2 || say "dnf: try $try of 10 failed"
    command -v nft >/dev/null || sleep "$((try * 3))"
  done
  die "nftables or the AWS CLI cannot be installed: is there a way to the package repositories?"
}

write_files() {
  mkdir -p /opt/lakeferry-nat
  [ "$0" -ef "$PROGRAM" ] || install -m 755 "$0" "$PROGRAM"
  cat >"$PLAN" <<'END-OF-PLAN'
# PLAN comes here
END-OF-PLAN
  cat >"$PEER" <<'END-OF-PEER'
# PEER comes here
END-OF-PEER
  cat >"$UNIT" <<UNIT
[Unit]
Description=NAT and the watch over its path
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
[Service]
ExecStartPre=$PROGRAM start
ExecStart=$PROGRAM watch
Restart=always
RestartSec=1
Nice=-10
OOMScoreAdjust=-900
[Install]
WantedBy=multi-user.target
UNIT
}

install_all() {
  local needed try
  install_packages
  for needed in curl ip nft sysctl aws python3 systemctl; do
    command -v "$needed" >/dev/null || die "$needed is missing"
  done
  write_files
  systemctl daemon-reload
  systemctl enable lakeferry-nat
  systemctl restart lakeferry-nat
  for try in {1..60}; do
    "$PROGRAM" status && return
    sleep 1
  done
  die "the path is not alive after a minute: see journalctl -u lakeferry-nat"
}

# ---- start: at every boot

ask() { curl --silent --show-error --fail --noproxy '*' --max-time 5 --retry 5 "$@"; }

metadata() { ask -H "X-aws-ec2-metadata-token: $TOKEN" "$METADATA/meta-data/$1"; }

# Sets DEVICE, and writes down our interface's id and the Region.
find_self() {
  local mac eni region
  TOKEN=$(ask -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$METADATA/api/token")
  mac=$(metadata mac)
  eni=$(metadata "network/interfaces/macs/$mac/interface-id")
  region=$(metadata placement/region)
  DEVICE=$(grep -lixF "$mac" /sys/class/net/*/address | head -n 1 | cut -d / -f 5)
  [ -n "$DEVICE" ] || die "no interface has the address $mac"
  mkdir -p /run/lakeferry-nat
  echo "$eni $region" >"$SELF"
}

# One transaction replaces all that is ours and touches no other table. The canary is inside like
# everybody: there is no rule for it that could live while theirs is dead.
load_rules() {
  nft -f - <<RULES
table inet lakeferry_nat
delete table inet lakeferry_nat
table inet lakeferry_nat {
  set inside {
    type ipv4_addr
    flags interval
    auto-merge
    elements = { $VPC_CIDRS, $CANARY_NET }
  }
  chain forward {
    type filter hook forward priority filter
    policy drop
    tcp flags syn tcp option maxseg size set rt mtu
    tcp flags syn tcp option maxseg size set 1460
    ct state invalid drop
    ct state established,related accept
    ip saddr @inside oifname "$DEVICE" accept
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip saddr @inside oifname "$DEVICE" masquerade fully-random
  }
  chain input {
    type filter hook input priority filter
    policy drop
    iifname "lo" accept
    ct state established,related accept
    meta l4proto { icmp, ipv6-icmp } accept
    udp dport { 68, 546 } accept
    iifname "$DEVICE" ip saddr { $VPC_CIDRS } tcp dport $PORT accept
  }
}
RULES
}

# After the rules, so that nothing is ever forwarded as it came; and because the settings of
# connection tracking exist only once a rule has asked for it.
set_kernel() {
  local kib most
  kib=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
  # An entry takes some 320 bytes: all of them a sixth of the memory.
  most=$((kib / 2))
  [ "$most" -le 4194304 ] || most=4194304
  sysctl --quiet --load=- <<SETTINGS
net.ipv4.ip_forward = 1
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.$DEVICE.send_redirects = 0
net.ipv4.conf.all.rp_filter = 2
net.ipv4.conf.$DEVICE.rp_filter = 2
net.ipv4.ip_local_port_range = 1024 65535
net.netfilter.nf_conntrack_max = $most
net.netfilter.nf_conntrack_buckets = $((most / 4))
net.netfilter.nf_conntrack_tcp_timeout_established = 3600
net.netfilter.nf_conntrack_tcp_timeout_time_wait = 30
net.netfilter.nf_conntrack_tcp_timeout_close_wait = 30
net.netfilter.nf_conntrack_tcp_timeout_fin_wait = 30
SETTINGS
}

# A namespace that stands where a private subnet would: its packets are forwarded.
place_canary() {
  ip netns list | grep -qw "$CANARY" || ip netns add "$CANARY"
  ip link show nat-canary >/dev/null 2>&1 ||
    ip link add nat-canary type veth peer name eth0 netns "$CANARY"
  ip address replace "$CANARY_GATE/30" dev nat-canary
  ip link set nat-canary up
  ip -n "$CANARY" address replace "$CANARY_IP/30" dev eth0
  ip -n "$CANARY" link set lo up
  ip -n "$CANARY" link set eth0 up
  ip -n "$CANARY" route replace default via "$CANARY_GATE"
}

start() {
  find_self
  load_rules
  set_kernel
  place_canary
  say "forwards for $VPC_CIDRS by $DEVICE"
}

case "$*" in
'') install_all ;;
start) start ;;
*)
  exec /usr/bin/python3 -u "$PEER" "$(cat "$SELF")" "$@"
  ;;
esac
