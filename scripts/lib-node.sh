# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab's hosts: what runs on a node and where its files are. Needs lib-lan.sh.
# shellcheck disable=SC2154 # lab, prefix, build, here: set by the script that sources this
#   $lab/nodes            lines "NAME NUMBER ADDRESS"
#   $lab/NODE/vipring.conf  run/  state/  broken (words of `break` in force)
#   $lab/NODE/units/UNIT/ command pid supervisor log   see supervise

node_ns() { echo "$prefix-$1"; }

node_names() { cut -d' ' -f1 "$lab/nodes"; }

node_field() { # NODE FIELD-NUMBER
        awk -v name="$1" -v field="$2" '$1 == name { print $field }' "$lab/nodes"
}

node_number() {
        local number
        number=$(node_field "$1" 2)
        [[ $number ]] || die 2 "no node '$1' in lab '$prefix'; there are: $(node_names | tr '\n' ' ')"
        echo "$number"
}

# "NAME ADDRESS" of every node in a vipring.conf, without a parser for the rest of it.
conf_nodes() { # FILE
        awk '
        function token(t) {
                if (t == "{") { depth++; path[depth] = key; key = ""; return }
                if (t == "}") { delete path[depth]; depth--; return }
                if (t == "=" || t == ":") { key = last; return }
                if (t == ";" || t == ",") { key = ""; return }
                if (depth == 2 && path[1] == "nodes" && key == "address") print path[2], t
                last = t
        }
        {
                line = $0
                while (line != "") {
                        if (comment) {
                                if (!(at = index(line, "*/"))) break
                                line = substr(line, at + 2); comment = 0; continue
                        }
                        if (line ~ /^(#|\/\/)/) break
                        if (line ~ /^\/\*/) { comment = 1; line = substr(line, 3); continue }
                        if (match(line, /^"[^"]*"/)) { token(substr(line, 2, RLENGTH - 2)) }
                        else if (match(line, /^[A-Za-z0-9_*.-]+/)) token(substr(line, 1, RLENGTH))
                        else { RLENGTH = 1; c = substr(line, 1, 1); if (c !~ /[ \t\r]/) token(c) }
                        line = substr(line, RLENGTH + 1)
                }
        }' "$1"
}

default_conf() { # NUMBER-OF-NODES
        local n
        echo '# A ring of one group, as made by the lab.'
        echo 'cluster = "lab"'
        echo 'nodes = {'
        for ((n = 1; n <= $1; n++)); do
                echo "    lb$n = { address = \"10.77.0.$((10 + n))\" }"
        done
        cat <<'END'
}
groups = {
    web = {
        interface = "eth0"
        vrid      = 51
        addresses = [ "10.77.0.100/24", "fd77::100/64" ]
        prefer    = "lb1"
        vrrp      = { advert-interval = "100ms" }
    }
}
END
}

# The node's addresses on the LAN: the one its configuration names, and one of the other family.
node_addresses() { # NODE
        local address
        address=$(node_field "$1" 3)
        if [[ $address == *:* ]]; then
                echo "$address/64"
        else
                echo "$address/24 fd77::${address##*.}/64"
        fi
}

node_create() { # NODE: namespace, cable, addresses; as after a boot, nothing runs
        # shellcheck disable=SC2046 # words
        lan_attach "$(node_ns "$1")" "$(node_number "$1")" $(node_addresses "$1")
}

node_dirs() { # NODE
        local dir=$lab/$1
        mkdir -p "$dir"/{units,run/{vipd,vipring-run,apps},state/{vipd,statesyncd}}
        if [[ ${state_size:-} ]]; then
                mount -t tmpfs -o "size=$state_size,mode=755" vipring-lab "$dir/state"
                mkdir -p "$dir"/state/{vipd,statesyncd}
        fi
        : >"$dir/broken"
        : >"$dir/unit-order"
}

# --- units --------------------------------------------------------------------

unit_dir() { echo "$lab/$1/units/$2"; }

unit_define() { # NODE UNIT COMMAND...
        local node=$1 unit=$2 dir
        dir=$(unit_dir "$1" "$2")
        shift 2
        mkdir -p "$dir"
        printf '%s\0' "$@" >"$dir/command"
        touch "$dir/log"
        grep -qx "$unit" "$lab/$node/unit-order" || echo "$unit" >>"$lab/$node/unit-order"
}

alive() { # PID: exists and is not a zombie
        local stat
        { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
        [[ ${stat##*) } != [ZX]* ]]
}

unit_running() { # NODE UNIT
        local dir pid
        dir=$(unit_dir "$1" "$2")
        pid=$(cat "$dir/supervisor" 2>/dev/null) && alive "$pid"
}

unit_start() { # NODE UNIT
        local dir try
        dir=$(unit_dir "$1" "$2")
        unit_running "$1" "$2" && return
        rm -f "$dir/pid" "$dir/supervisor"
        setsid ip netns exec "$(node_ns "$1")" "$here/supervise" "$dir" "$(cat "$lab/restart-delay")" \
                </dev/null >/dev/null 2>&1 9>&- &
        disown
        for ((try = 0; try < 200; try++)); do
                [[ ! -s $dir/pid ]] || return 0
                sleep 0.01
        done
        die 1 "unit $2 of $1 did not start within 2 s; see $dir/log"
}

unit_pid() { # NODE UNIT
        cat "$(unit_dir "$1" "$2")/pid" 2>/dev/null
}

# Orderly: SIGTERM, then wait; after 5 s it is killed, with a message.
unit_stop() { # NODE UNIT
        local dir supervisor try
        dir=$(unit_dir "$1" "$2")
        supervisor=$(cat "$dir/supervisor" 2>/dev/null) || return 0
        kill -TERM "$supervisor" 2>/dev/null || true
        for ((try = 0; try < 500; try++)); do
                alive "$supervisor" || return 0
                sleep 0.01
        done
        warn "$2 on $1 did not end within 5 s of SIGTERM; killing it"
        unit_kill "$1" "$2"
}

unit_kill() { # NODE UNIT: supervisor first, so that nothing is restarted
        # shellcheck disable=SC2046 # pids
        kill -KILL $(unit_supervisor "$1" "$2") $(unit_pid "$1" "$2") 2>/dev/null || true
        unit_forget "$1" "$2"
}

unit_forget() { # NODE UNIT: its processes are gone
        rm -f "$(unit_dir "$1" "$2")"/{pid,supervisor}
}

unit_supervisor() { # NODE UNIT
        cat "$(unit_dir "$1" "$2")/supervisor" 2>/dev/null
}

node_forget_pids() { # NODE: all its processes are gone
        rm -f "$lab/$1"/units/*/{pid,supervisor}
}

unit_names() { # NODE: in the order they were defined
        cat "$lab/$1/unit-order"
}

unit_remove() { # NODE UNIT
        unit_stop "$1" "$2"
        rm -rf "$(unit_dir "$1" "$2")"
        sed -i "/^$2\$/d" "$lab/$1/unit-order"
}

# --- what runs on a node ------------------------------------------------------

daemon_options() { # NODE
        local dir=$lab/$1
        echo --foreground --config "$dir/vipring.conf" --node "$1" --run-dir "$dir/run" \
                --log-level "${log_level:-info}"
}

# Main programs are the units `hang`, `kill` and `stop` are about: vipd, or keepalived.
node_define_vipd() { # NODE
        # shellcheck disable=SC2046 # words
        unit_define "$1" vipring-run "$build/vipring-run/vipring-run" $(daemon_options "$1") \
                --client-user root
        # shellcheck disable=SC2046
        unit_define "$1" vipd "$build/vipd/vipd" $(daemon_options "$1") --state-dir "$lab/$1/state"
}

node_define_keepalived() { # NODE FILE
        local dir=$lab/$1
        cp "$2" "$dir/keepalived.conf"
        unit_define "$1" keepalived keepalived --dont-fork --log-console --vrrp \
                --use-file="$dir/keepalived.conf" --pid="$dir/run/keepalived.pid" \
                --vrrp_pid="$dir/run/keepalived-vrrp.pid"
}

node_main_unit() { # NODE
        local unit
        for unit in vipd keepalived; do
                [[ ! -d $(unit_dir "$1" "$unit") ]] || { echo "$unit" && return; }
        done
}

node_start() { # NODE: every unit it has
        local unit
        for unit in $(unit_names "$1"); do
                unit_start "$1" "$unit"
        done
}

# vipd answers on its control socket once it runs.
node_wait() { # NODE
        local try
        [[ $(node_main_unit "$1") == vipd ]] || return 0
        for ((try = 0; try < 250; try++)); do
                [[ ! -S $lab/$1/run/vipd/control.sock ]] || return 0
                sleep 0.02
        done
        tail -n 20 "$(unit_dir "$1" vipd)/log" >&2
        warn "vipd on $1 is not there after 5 s (its log is above)"
        return 1
}
