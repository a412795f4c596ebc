# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What every script here needs: where things are, and how to say that something went wrong.

# shellcheck disable=SC2034 # read by the scripts that source this
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=${VIPRING_BUILD:-$top/build}
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() {
        printf '%s\n' "$*"
}

warn() {
        printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# die STATUS MESSAGE...
die() {
        local status=$1
        shift
        warn "$*"
        exit "$status"
}

need_root() {
        [[ $EUID -eq 0 ]] || die 2 "must be run as root (it makes network namespaces): sudo $0"
}

have() {
        command -v "$1" >/dev/null 2>&1
}

# As the user who called sudo, so that files made in their clone stay theirs.
as_owner() {
        local owner
        owner=$(stat -c %u "$top")
        if [[ $EUID -eq 0 && $owner -ne 0 && ${SUDO_UID:-} == "$owner" ]]; then
                setpriv --reuid "$owner" --regid "$SUDO_GID" --init-groups -- "$@"
        else
                "$@"
        fi
}
