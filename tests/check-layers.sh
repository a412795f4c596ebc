#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Holds the layers of doc/design.md:
#  1. the core imports nothing that does I/O, reads a clock, allocates or logs
#     (looked up in the symbols of its archive, not in its sources);
#  2. core sources include only their own core, lib/{mono,wire,addr}.h and plain C headers;
#  3. each outside library has one home, programs do not include each other's folders,
#     and the clock is read in one file.
# Each rule is first tried on something that breaks it.
#
# usage: check-layers.sh [ARCHIVE]     run in the build directory; srcdir from the environment
set -u
export LC_ALL=C

top=${srcdir:-.}
archive=${1:-vipd/libvipcore.a}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/check-layers.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
status=0

fail() {
	echo "check-layers: $*" >&2
	status=1
}

# --- 1. symbols ---------------------------------------------------------------

# What pure code may take from outside: memory and string functions, the helpers of lib/
# that are pure themselves, and what compilers put in on their own.
allowed_symbol() {
	case $1 in
	memcpy | memset | memcmp | memmove | memchr | memrchr | memmem) ;;
	strcmp | strncmp | strlen | strnlen | strchr | strrchr | strcasecmp | strncasecmp) ;;
	__memcpy_chk | __memset_chk | __memmove_chk) ;;
	wire_* | ip_addr_*) ;;
	__assert_fail | __stack_chk_fail | __stack_chk_fail_local) ;;
	_GLOBAL_OFFSET_TABLE_ | __tls_get_addr) ;;
	__asan_* | __ubsan_* | __sanitizer_* | __sancov_* | __start___sancov_* | __stop___sancov_*) ;;
	__gcov_* | __llvm_*) ;;
	*) return 1 ;;
	esac
}

# Print "MEMBER SYMBOL" for everything the archive imports and should not.
forbidden_symbols() {
	"${NM:-nm}" -A -g --defined-only "$1" 2>/dev/null | awk '{ print $NF }' | sort -u >"$tmp/defined"
	"${NM:-nm}" -A -u "$1" 2>/dev/null |
		awk '{ n = split($1, part, ":"); print part[n - 1], $NF }' |
		sort -u >"$tmp/undefined"
	while read -r member symbol; do
		allowed_symbol "$symbol" && continue
		grep -qxF -e "$symbol" "$tmp/defined" && continue
		echo "$member $symbol"
	done <"$tmp/undefined"
}

check_symbols() {
	"${NM:-nm}" -g --defined-only "$archive" 2>/dev/null | grep -q ' T election_step$' || {
		fail "$archive: not the core's archive, or nm cannot read it"
		return
	}
	forbidden_symbols "$archive" >"$tmp/found"
	while read -r member symbol; do
		fail "$archive: $member imports $symbol: the core does no I/O, reads no clock, allocates nothing"
	done <"$tmp/found"
}

compiler() {
	for cc in "${CC:-}" cc gcc clang; do
		[ -n "$cc" ] && command -v "${cc%% *}" >/dev/null 2>&1 && echo "$cc" && return
	done
	return 1
}

# A clock_gettime in a copy of the archive must be found, by member and symbol; a call
# within the archive must not.
try_symbols() {
	cc=$(compiler) || {
		fail "no C compiler for the self test"
		return
	}
	cat >"$tmp/planted.c" <<-EOF
		#include <time.h>
		struct election;
		long election_down_us(const struct election *e);
		long planted(struct timespec *ts);
		long planted(struct timespec *ts)
		{
		        return clock_gettime(CLOCK_MONOTONIC, ts) + election_down_us(0);
		}
	EOF
	if ! { cp "$archive" "$tmp/planted.a" &&
		$cc -c -o "$tmp/planted.o" "$tmp/planted.c" &&
		"${AR:-ar}" rc "$tmp/planted.a" "$tmp/planted.o" 2>/dev/null; }; then
		fail "cannot build the self test"
		return
	fi
	got=$(forbidden_symbols "$tmp/planted.a" | grep '^planted')
	[ "$got" = "planted.o clock_gettime" ] ||
		fail "self test: a planted clock_gettime was reported as '$got'"
}

# --- 2. what the core includes --------------------------------------------------

allowed_core_include() {
	case $1 in
	\"vipd/core/*.h\" | \"statesync/core/*.h\") ;;
	\"lib/mono.h\" | \"lib/wire.h\" | \"lib/addr.h\") ;;
	'<assert.h>' | '<ctype.h>' | '<endian.h>' | '<errno.h>' | '<inttypes.h>' | '<limits.h>') ;;
	'<stdalign.h>' | '<stdarg.h>' | '<stdbool.h>' | '<stddef.h>' | '<stdint.h>') ;;
	'<string.h>' | '<strings.h>') ;;
	'<net/if.h>' | '<netinet/in.h>' | '<sys/socket.h>') ;; # types and constants
	*) return 1 ;;
	esac
}

# Print "FILE LINE INCLUDE" for the includes of the files named on stdin.
includes() {
	while read -r file; do
		sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*[>"]\).*/\1/;t p;b;:p;=;p' "$file" |
			paste - - | sed "s|^|$file |"
	done
}

core_include_faults() {
	find "$1"/*/core -name '*.[ch]' 2>/dev/null | sort | includes |
		while read -r file line what; do
			allowed_core_include "$what" || echo "$file:$line: the core may not include $what"
		done
}

# --- 3. one home for each library, for the clock, for each program ------------------

# HOME PATTERN: where an include or call that matches may stand, as a shell pattern
# of the path from the top.
home_of() {
	case $1 in
	'<netlink/'*) echo 'vipd/kernel*.c vipd/kernel_internal.h' ;;
	'<nftables/'*) echo 'vipd/filter_table.c' ;;
	'<libconfig.h>') echo 'lib/conf*' ;;
	'<jansson.h>') # who answers vipctl may speak JSON, the shells of the network may not
		echo 'lib/ctl* */control* */status* */*json* vipd/runner.* vipctl/* vipring-run/*' \
			'vipd/daemon* vipd/group* vipd/reload* vipd/timeline_log* vipd/metrics*'
		;;
	'<libsmartcols'*) echo 'vipctl/*' ;;
	'<systemd/'*) echo 'lib/log* lib/ctl* vipd/*.c vipd/*.h vipctl/* vipring-run/*' ;;
	'"vipd/'*) echo 'vipd/*' ;;
	'"vipctl/'*) echo 'vipctl/*' ;;
	'"vipring-run/'*) echo 'vipring-run/*' ;;
	'"statesync/'*) echo 'statesync/*' ;;
	'"tests/'* | '<cmocka.h>') echo 'tests/*' ;;
	clock) echo 'lib/clock.c vipctl/*' ;;
	*) echo '*' ;;
	esac
}

at_home() {
	set -f
	for pattern in $(home_of "$2"); do
		# shellcheck disable=SC2254 # it is a pattern
		case $1 in
		$pattern)
			set +f
			return 0
			;;
		esac
	done
	set +f
	return 1
}

product_sources() {
	for dir in lib vipd vipctl vipring-run statesync; do
		[ -d "$1/$dir" ] && find "$1/$dir" -name '*.[ch]'
	done | sort
}

home_faults() {
	product_sources "$1" | includes | while read -r file line what; do
		at_home "${file#"$1"/}" "$what" || echo "$file:$line: $what belongs into: $(home_of "$what")"
	done
	product_sources "$1" |
		xargs grep -nE '(^|[^[:alnum:]_])(clock_gettime|gettimeofday|time|timespec_get|ftime|clock)[[:space:]]*\(' /dev/null |
		grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)' |
		while IFS=: read -r file line _; do
			at_home "${file#"$1"/}" clock || echo "$file:$line: the clock is read in: $(home_of clock)"
		done
}

check_sources() {
	core_include_faults "$top" >"$tmp/faults"
	home_faults "$top" >>"$tmp/faults"
	while read -r fault; do
		fail "$fault"
	done <"$tmp/faults"
}

plant() {
	mkdir -p "$tmp/tree/$(dirname "$1")"
	printf '%s\n' "$2" >"$tmp/tree/$1"
}

# Every line planted must be found where it stands, and nothing else.
try_sources() {
	plant vipd/core/a.c '#include <stdio.h>'
	plant vipd/core/b.h '#include "lib/clock.h"'
	plant vipd/core/ok.c '#include "lib/mono.h"'
	plant vipd/hook.c '#include <netlink/netlink.h>'
	plant vipd/kernel.c '#include <netlink/route/addr.h>'
	plant vipd/check.c '#include <nftables/libnftables.h>'
	plant vipd/daemon.c '  t = clock_gettime(CLOCK_MONOTONIC, &ts);'
	plant lib/clock.c '  t = clock_gettime(CLOCK_MONOTONIC, &ts);'
	plant lib/addr.c '#include "vipd/kernel.h"'
	plant vipctl/main.c '#include <libconfig.h>'
	plant vipd/vrrp_socket.c '#include <jansson.h>'
	plant vipd/control.c '#include <jansson.h>'
	{
		core_include_faults "$tmp/tree"
		home_faults "$tmp/tree"
	} | sed "s|^$tmp/tree/||; s|:.*||" | sort -u | tr '\n' ' ' >"$tmp/got"
	want='lib/addr.c vipctl/main.c vipd/check.c vipd/core/a.c vipd/core/b.h vipd/daemon.c vipd/hook.c vipd/vrrp_socket.c '
	[ "$(cat "$tmp/got")" = "$want" ] || fail "self test: planted faults found in: $(cat "$tmp/got")"
}

try_symbols
try_sources
check_symbols
check_sources
exit $status
