#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The unit files as `make install` places them: complete, understood by systemd, tight enough, and
# not too tight: vipd is watched, with the unit's user and capabilities, through start, takeover,
# reload and stop; it does its work and makes no system call that its unit would refuse. Run in the
# build directory.
set -uo pipefail
export LC_ALL=C.UTF-8
umask 022 # other users look into what is made here
unset MAKEFLAGS MFLAGS MAKELEVEL

user=daemon # stands in for _vipd: a user that every Debian has
vipd_exposure_max=25 # tenths, as --threshold takes them
run_exposure_max=95

ns=vrunits-$$
root=$(mktemp -d "${TMPDIR:-/tmp}/vipring-units-XXXXXX") || exit 1
pids=()

# shellcheck disable=SC2317 # by trap
cleanup() {
        local pid
        for pid in "${pids[@]}"; do
                kill -KILL "$pid" && wait "$pid"
        done 2>/dev/null
        ip netns del "$ns" 2>/dev/null
        rm -rf "$root"
}
trap cleanup EXIT
failed=0

ok() { echo "ok: $1"; }
bad() {
        echo "FAILED: $1"
        failed=1
}

command -v systemd-analyze >/dev/null || { echo "no systemd-analyze here: skipped" && exit 77; }

# --- what make install places ----------------------------------------------------
make -s install DESTDIR="$root" >"$root/install.log" 2>&1 || {
        cat "$root/install.log"
        bad "make install DESTDIR= works"
        exit 1
}
vipd_unit=$(find "$root" -path '*/systemd/system/vipd.service')
run_unit=$(find "$root" -path '*/systemd/system/vipring-run.service')
sysusers=$(find "$root" -path '*/sysusers.d/vipring.conf')
tmpfiles=$(find "$root" -path '*/tmpfiles.d/vipring.conf')
for f in "$vipd_unit" "$run_unit" "$sysusers" "$tmpfiles"; do
        [[ -s $f ]] || { bad "make install places units, sysusers.d and tmpfiles.d" && exit 1; }
done
ok "make install places units, sysusers.d and tmpfiles.d"

# shellcheck disable=SC2016 # literally
if grep -Hn '@[a-z]*@\|\${' "$vipd_unit" "$run_unit"; then
        bad "every path is filled in"
else
        ok "every path is filled in"
fi

# --- what systemd says -------------------------------------------------------------
mkdir -p "$root/etc/systemd" "$root/lib/systemd"
for dir in /usr/lib/systemd/system /lib/systemd/system; do
        [[ ! -d $dir ]] || { cp -a "$dir" "$root/lib/systemd/" && break; }
done
mkdir -p "$root/etc/systemd/system"
cp "$vipd_unit" "$run_unit" "$root/etc/systemd/system/"
complaints=$(systemd-analyze verify --man=no --root="$root" vipd.service vipring-run.service 2>&1 |
        grep -i 'vip') # other units of the host are not our matter
if [[ $complaints ]]; then
        echo "$complaints"
        bad "systemd understands every line"
else
        ok "systemd understands every line"
fi

exposure() { # UNIT-FILE TENTHS
        local what said
        what="$(basename "$1") is exposed by at most $2 tenths"
        if said=$(systemd-analyze security --no-pager --offline=true --threshold="$2" "$1" 2>&1); then
                ok "$what: ${said##*level for }"
        else
                grep -v '✓' <<<"$said"
                bad "$what"
        fi
}
exposure "$vipd_unit" "$vipd_exposure_max"
exposure "$run_unit" "$run_exposure_max"

caps='CAP_NET_ADMIN CAP_NET_RAW'
if grep -qx "AmbientCapabilities=$caps" "$vipd_unit" &&
        grep -qx "CapabilityBoundingSet=$caps" "$vipd_unit"; then
        ok "vipd has NET_ADMIN and NET_RAW and nothing else"
else
        bad "vipd has NET_ADMIN and NET_RAW and nothing else"
fi

# A mount namespace would keep what a hook mounts to itself.
if grep -E '^(Private|Protect|ReadOnly|Inaccessible|Bind|Temporary)[A-Za-z]*=' "$run_unit"; then
        bad "hooks may mount for the whole host"
else
        ok "hooks may mount for the whole host"
fi

# --- users and folders -------------------------------------------------------------
if command -v systemd-sysusers >/dev/null && ((EUID == 0)); then
        systemd-sysusers --root="$root" "$sysusers" >/dev/null 2>&1
        gid=$(awk -F: '$1 == "_vipring" { print $3 }' "$root/etc/group")
        user_gid=$(awk -F: '$1 == "_vipd" { print $4 }' "$root/etc/passwd")
        if [[ $gid && $user_gid == "$gid" ]] && grep -q '^vipadmin:' "$root/etc/group"; then
                ok "_vipd is made in group _vipring, and group vipadmin"
        else
                bad "_vipd is made in group _vipring, and group vipadmin"
        fi
        systemd-tmpfiles --root="$root" --create "$tmpfiles" >/dev/null 2>&1
        if [[ $(stat -c '%a %u' "$root/run/vipring") == '755 0' ]]; then
                ok "/run/vipring is root's"
        else
                bad "/run/vipring is root's"
        fi
fi

# --- system calls ------------------------------------------------------------------
expand() { # NAME-OR-@SET...: the calls it stands for
        local name
        for name; do
                case $name in
                @*) systemd-analyze syscall-filter --no-pager "$name" | sed -n '2,$s/^ *//p' |
                        grep -v '^#' | while read -r inner; do expand "$inner"; done ;;
                *) echo "$name" ;;
                esac
        done
}

allowed_calls() { # UNIT-FILE: after all its SystemCallFilter= lines
        local line calls=''
        while read -r line; do
                # shellcheck disable=SC2086 # words
                if [[ $line == '~'* ]]; then
                        calls=$(comm -23 <(echo "$calls") <(expand ${line#\~} | sort -u))
                else
                        calls=$(sort -u <(echo "$calls") <(expand $line))
                fi
        done < <(sed -n 's/^SystemCallFilter=//p' "$1")
        echo "$calls"
}

wait_for() { # SECONDS COMMAND...
        local end=$((SECONDS + $1))
        shift
        until "$@" >/dev/null 2>&1; do
                ((SECONDS < end)) || return 1
                sleep 0.1
        done
}

# shellcheck disable=SC2317 # by wait_for
role_is() { # ROLE
        vipctl/vipctl --run-dir "$root/r" -o json status | grep -Eq "\"role\": ?\"$1\""
}

write_config() { # INTERVAL
        cat >"$root/vipring.conf" <<END
cluster = "edge"
nodes = {
    a = { address = "192.0.2.11" }
    b = { address = "192.0.2.12" }
}
groups = {
    web = {
        interface = "v0"
        vrid = 51
        addresses = [ "192.0.2.10/24" ]
        accept = false
        vrrp = { advert-interval = "$1" }
        checks = {
            run = { exec = "/bin/true", interval = "100ms", timeout = "100ms", rise = 1 }
        }
        hooks = { note = { on = "active|stop", run = "/bin/true" } }
    }
}
END
}

watch_vipd() {
        local vipd
        chmod 0755 "$root"
        mkdir -p "$root/r/vipd" "$root/s/vipd" # as RuntimeDirectory= and StateDirectory= do
        chown "$user:" "$root/r/vipd" "$root/s/vipd"
        write_config 100ms
        ip netns add "$ns" && ip -n "$ns" link set lo up &&
                ip -n "$ns" link add v0 type veth peer name v1 &&
                ip -n "$ns" link set v0 up && ip -n "$ns" link set v1 up &&
                ip -n "$ns" addr add 192.0.2.11/24 dev v0 || return 77
        ip netns exec "$ns" vipring-run/vipring-run --config "$root/vipring.conf" \
                --run-dir "$root/r" --client-user "$user" 2>>"$root/log" &
        pids+=($!)
        # as the unit says, with another user; -D: our child is vipd, not strace
        ip netns exec "$ns" strace -D -f -qq -e signal=none -o "$root/trace" \
                setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs \
                --inh-caps -all,+net_admin,+net_raw --ambient-caps -all,+net_admin,+net_raw \
                --bounding-set -all,+net_admin,+net_raw vipd/vipd \
                --config "$root/vipring.conf" --node a --run-dir "$root/r" --state-dir "$root/s" \
                2>>"$root/log" &
        vipd=$!
        pids+=("$vipd")
        wait_for 20 role_is active || { echo "never active" && return 1; }
        write_config 200ms
        vipctl/vipctl --run-dir "$root/r" reload || return 1
        wait_for 20 role_is active || { echo "not active after the reload" && return 1; }
        ip -n "$ns" link set v0 down
        wait_for 20 role_is fault || { echo "no fault without the link" && return 1; }
        ip -n "$ns" link set v0 up
        wait_for 20 role_is active || { echo "not active again" && return 1; }
        wait_for 20 grep -q 'hook note on active: ok' "$root/log" ||
                { echo "no hook ran" && return 1; }
        [[ $(stat -c %U "$root/r/vipd/control.sock") == "$user" ]] || return 1
        kill "$vipd" && wait "$vipd"
}

if ((EUID != 0)) || ! command -v strace >/dev/null; then
        echo "skipped: watching vipd's system calls needs root and strace"
elif [[ $(nm -D vipd/vipd 2>/dev/null) == *__asan_* ]]; then
        echo "skipped: sanitizers make system calls of their own"
else
        watch_vipd
        case $? in
        0)
                # from vipd's own start on; what comes before is setpriv's
                made=$(sed -E '1,/execve\("vipd\/vipd"/d; s/^[0-9]+ +//' "$root/trace" |
                        sed -nE 's/^([a-z_0-9]+)\(.*/\1/p' | sort -u)
                surplus=$(comm -23 <(echo "$made") <(allowed_calls "$vipd_unit"))
                if [[ $made != *sendmsg* || $surplus ]]; then
                        echo "made but not allowed: ${surplus:-none; is the trace empty?}"
                        bad "vipd makes only system calls that its unit allows"
                else
                        ok "vipd makes only system calls that its unit allows ($(wc -l <<<"$made"))"
                fi
                ;;
        77) echo "skipped: no network namespaces here" ;;
        *)
                tail -20 "$root/log"
                bad "vipd runs while it is watched"
                ;;
        esac
fi

exit "$failed"
