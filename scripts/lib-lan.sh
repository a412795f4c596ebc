# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab's wires: one namespace with a bridge, one for each node and for the client, joined by
# veth pairs made directly inside them. Faults are rules on the bridge, so that a node's own
# kernel cannot tell them from a bad switch.
# shellcheck disable=SC2154 # prefix: set by the script that sources this
#   $prefix  of the namespaces' names; every function takes its nodes by name and number

lan_ns=$prefix-lan

lan_port() { # NODE-NUMBER: the bridge's end of the node's cable
        echo "port$1"
}

lan_create() {
        ip netns add "$lan_ns"
        ip -n "$lan_ns" link set lo up
        ip -n "$lan_ns" link add lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0
        ip -n "$lan_ns" link set lan up
        # deaf: nothing reaches the port. mute: nothing that comes out of it goes on.
        ip netns exec "$lan_ns" nft -f - <<'END'
table bridge faults {
        set deaf { type ifname; }
        set mute { type ifname; }
        map loss { type ifname : verdict; }
        chain forward {
                type filter hook forward priority 0; policy accept;
                iifname @mute drop
                oifname @deaf drop
                iifname vmap @loss
                oifname vmap @loss
        }
}
END
}

# Plug a namespace into the bridge as eth0 with these addresses. Their own, static addresses
# skip duplicate detection to be quick; after that the kernel's defaults are back in force.
lan_attach() { # NAMESPACE NUMBER ADDRESS/LENGTH...
        local ns=$1 number=$2 port mac address
        shift 2
        port=$(lan_port "$number")
        printf -v mac '02:77:00:00:%02x:%02x' $((number / 256)) $((number % 256))
        ip netns add "$ns"
        ip -n "$ns" link set lo up
        ip -n "$lan_ns" link add "$port" type veth peer name eth0 address "$mac" netns "$ns"
        ip -n "$lan_ns" link set "$port" master lan up
        ip netns exec "$ns" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad' 2>/dev/null || true
        for address; do
                ip -n "$ns" address add "$address" dev eth0
        done
        ip -n "$ns" link set eth0 up
        lan_wait_link_local "$ns"
        ip netns exec "$ns" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad' 2>/dev/null || true
}

lan_wait_link_local() { # NAMESPACE: a link-local address is what IPv6 VRRP sends from
        local try
        [[ -e /proc/net/if_inet6 ]] || return 0
        for ((try = 0; try < 100; try++)); do
                [[ ! $(ip -n "$1" -6 address show dev eth0 scope link -tentative) ]] || return 0
                sleep 0.02
        done
        warn "$1 has no link-local IPv6 address yet; going on"
}

# Processes of a namespace, however they were started. Exact: the kernel's own list.
ns_kill() { # NAMESPACE
        local pids try
        for ((try = 0; try < 100; try++)); do
                mapfile -t pids < <(ip netns pids "$1" 2>/dev/null)
                ((${#pids[@]})) || return 0
                kill -KILL "${pids[@]}" 2>/dev/null || true
                ((try < 2)) || sleep 0.01
        done
        warn "processes in $1 do not end: ${pids[*]}"
        return 1
}

ns_remove() { # NAMESPACE
        [[ -e /run/netns/$1 ]] || return 0
        ns_kill "$1"
        ip netns delete "$1"
}

lan_detach() { # NAMESPACE NUMBER: pull the cable, end everything in it, forget it
        ns_kill "$1"
        ip -n "$lan_ns" link delete "$(lan_port "$2")" 2>/dev/null || true
        ns_remove "$1"
}

lan_nft() {
        ip netns exec "$lan_ns" nft "$@"
}

lan_deaf() { lan_nft add element bridge faults deaf "{ \"$(lan_port "$1")\" }"; }

lan_mute() { lan_nft add element bridge faults mute "{ \"$(lan_port "$1")\" }"; }

lan_cut() { # both at once, in one transaction
        local port
        port=$(lan_port "$1")
        lan_nft "add element bridge faults deaf { \"$port\" }; add element bridge faults mute { \"$port\" }"
}

lan_loss() { # NUMBER PERCENT, each way
        local chain=loss$2
        lan_nft -f - <<END
add chain bridge faults $chain
flush chain bridge faults $chain
add rule bridge faults $chain numgen random mod 100 < $2 drop
add element bridge faults loss { "$(lan_port "$1")" : jump $chain }
END
}

lan_unplug() { ip -n "$lan_ns" link set "$(lan_port "$1")" down; }

# Undo every fault of this port, whichever there are.
lan_mend() { # NUMBER
        lan_mend_rules "$1"
        ip -n "$lan_ns" link set "$(lan_port "$1")" up
}

lan_mend_rules() { # NUMBER
        local port what
        port=$(lan_port "$1")
        for what in deaf mute loss; do
                lan_nft delete element bridge faults "$what" "{ \"$port\" }" 2>/dev/null || true
        done
}
