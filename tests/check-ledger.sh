#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Holds doc/rfc9568.md against the tree. A row is
#   | RFC9568-SECTION-NUMBER | LEVEL | what it asks | where | shown by | refused by |
# with the names of tests and files in backticks. Fails on: an id that is malformed or there twice,
# a level RFC 2119 does not know, a file that does not exist, a row without a test in both of the last
# columns, a test that nobody runs. Two kinds of row are excused, and must say why:
#   where = "not applicable": the last two columns together read "because ...";
#   refused by = "deviates, because ...": a test still has to show what is done instead.
# The rules are first tried on rows that break them.
#
# usage: check-ledger.sh [LEDGER]      srcdir from the environment
set -u
export LC_ALL=C

top=${srcdir:-.}
ledger=${1:-$top/doc/rfc9568.md}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/check-ledger.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT

# Tests that are run: cmocka functions of a program in the build (the compiler refuses one that is
# not in its table, as unused), or functions found by pytest.
known_tests() {
	for file in "$top"/tests/unit/*.c "$top"/tests/sim/*.c; do
		[ -f "$file" ] && grep -qF "${file#"$top/tests/"}" "$top/tests/tests.am" &&
			sed -n 's/^static void \([a-z0-9_]*\)(void \*\*state)$/\1/p' "$file"
	done
	for file in "$top"/tests/netns/test_*.py; do
		[ -f "$file" ] && sed -n 's/^def \(test_[a-z0-9_]*\)(.*/\1/p' "$file"
	done
}

known_files() {
	(cd "$top" && find lib vipd vipctl vipring-run scripts systemd doc tests -type f)
}

# Print the faults of a ledger.
faults() {
	awk -F'|' -v tests="$tmp/tests" -v files="$tmp/files" '
	function fault(text) { print id ": " text }
	function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
	# The words in backticks that are in no column of `known`; counts them all in n_names.
	function check_names(s, known, what,   part, n, i) {
		n_names = 0
		n = split(s, part, "`")
		for (i = 2; i <= n; i += 2) {
			n_names++
			if (!(part[i] in known))
				fault("no such " what ": " part[i])
		}
	}
	BEGIN {
		while ((getline line < tests) > 0) test[line] = 1
		while ((getline line < files) > 0) file[line] = 1
	}
	/^\| *RFC9568-/ {
		rows++
		id = trim($2); level = trim($3); where = trim($5); shown = trim($6); refused = trim($7)
		if (id !~ /^RFC9568-[0-9]+(\.[0-9]+)*-[0-9]+$/) fault("malformed id")
		if (NF != 8) fault("not six columns but " NF - 2)
		if (id in seen) fault("there twice")
		seen[id] = 1
		if (level !~ /^(MUST|MUST NOT|SHOULD|SHOULD NOT|REQUIRED|RECOMMENDED)$/)
			fault("unknown level: " level)
		if (length(trim($4)) < 10) fault("does not say what it asks")
		if (where == "not applicable") {
			excused++
			if (shown !~ /^because / || length(shown) < 28) fault("not applicable without a reason")
			next
		}
		check_names(where, file, "file")
		if (n_names == 0) fault("names no file")
		check_names(shown, test, "test")
		if (n_names == 0) fault("no test shows it")
		if (refused ~ /^deviates, because / && length(refused) >= 40) { deviating++; next }
		check_names(refused, test, "test")
		if (n_names == 0) fault("no test shows a violation being refused")
	}
	END {
		id = "ledger"
		if (rows == 0) fault("no rows")
		print rows + 0, excused + 0, deviating + 0 > "'"$tmp/count"'"
	}' "$1"
}

# One row per rule, broken in that rule only, with the word its fault must contain.
try_rules() {
	good='`lib/wire.h` | `a_known_test` | `a_known_test` |'
	echo a_known_test >"$tmp/tests"
	echo lib/wire.h >"$tmp/files"
	while IFS='~' read -r word row; do
		printf '%s\n' "$row" >"$tmp/try"
		got=$(faults "$tmp/try")
		case "$word:$got" in
		none:) ;;
		none:*) echo "self test: a good row has faults: $got" ;;
		*:*"$word"*) ;;
		*) echo "self test: expected '$word', got '$got' for: $row" ;;
		esac
	done <<-END
		none~| RFC9568-5.2-1 | MUST | a good example | $good
		none~| RFC9568-5.2-1 | MUST | a good example | not applicable | because there is nothing like it here | |
		none~| RFC9568-5.2-1 | MUST | a good example | \`lib/wire.h\` | \`a_known_test\` | deviates, because others rely on it being so |
		no rows~| 5.2-1 | MUST | not a row at all | $good
		malformed~| RFC9568-5.2 | MUST | has no number | $good
		six columns~| RFC9568-5.2-1 | MUST | one too many | $good more |
		unknown level~| RFC9568-5.2-1 | OUGHT | strange level | $good
		what it asks~| RFC9568-5.2-1 | MUST | | $good
		no such file~| RFC9568-5.2-1 | MUST | a lost file | \`lib/gone.h\` | \`a_known_test\` | \`a_known_test\` |
		names no file~| RFC9568-5.2-1 | MUST | no file at all | somewhere | \`a_known_test\` | \`a_known_test\` |
		no test shows it~| RFC9568-5.2-1 | MUST | not shown | \`lib/wire.h\` | | \`a_known_test\` |
		violation~| RFC9568-5.2-1 | MUST | not refused | \`lib/wire.h\` | \`a_known_test\` | |
		no such test~| RFC9568-5.2-1 | MUST | a lost test | \`lib/wire.h\` | \`a_lost_test\` | \`a_known_test\` |
		no such test~| RFC9568-5.2-1 | MUST | a lost test | \`lib/wire.h\` | \`a_known_test\` | \`a_lost_test\` |
		without a reason~| RFC9568-5.2-1 | MUST | no reason | not applicable | because | |
		no test shows~| RFC9568-5.2-1 | MUST | untested deviation | \`lib/wire.h\` | none | deviates, because others rely on it being so |
	END
	printf '| RFC9568-1-1 | MUST | twice the same | %s\n' "$good" "$good" >"$tmp/try"
	case $(faults "$tmp/try") in
	*twice*) ;;
	*) echo "self test: an id that is there twice was not found" ;;
	esac
}

try_rules >"$tmp/found"
known_tests | sort -u >"$tmp/tests"
known_files >"$tmp/files"
faults "$ledger" >>"$tmp/found"
if [ -s "$tmp/found" ]; then
	sed "s|^|check-ledger: |" "$tmp/found" >&2
	exit 1
fi
read -r rows excused deviating <"$tmp/count"
echo "check-ledger: $rows requirements, $excused not applicable, $deviating deviating, the rest tested both ways"
