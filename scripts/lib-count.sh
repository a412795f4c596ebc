# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How many test cases passed, failed and were skipped: out of what each runner leaves behind.
# All functions add to the globals passed, failed, skipped.

count() { # PASSED FAILED SKIPPED
        passed=$((passed + $1))
        failed=$((failed + $2))
        skipped=$((skipped + $3))
}

lines_with() { # PATTERN FILE
        grep -cE -- "$1" "$2" || true
}

# One test program of `make check`: its cmocka cases, or itself where it is no cmocka program.
count_program() { # TRS-FILE
        local log=${1%.trs}.log result good bad skip
        result=$(sed -n 's/^:global-test-result: //p' "$1")
        good=$(lines_with '^\[       OK \]' "$log")
        bad=$(lines_with '^\[  FAILED  \] [a-z_0-9]+$' "$log")
        skip=$(lines_with '^\[  SKIPPED \]' "$log")
        case $result in
        PASS) ((good + skip > 0)) || good=1 ;;
        SKIP) skip=1 ;;
        *) ((bad > 0)) || bad=1 ;; # it crashed, or says so by its status alone
        esac
        count "$good" "$bad" "$skip"
}

count_automake() { # BUILD-DIRECTORY
        local trs
        while IFS= read -r trs; do
                count_program "$trs"
        done < <(find "$1" -name '*.trs' -newer "$1/Makefile" | sort)
}

count_pytest() { # JUNIT-XML
        local all bad skip
        [[ -s $1 ]] || return 1
        attribute() { grep -oE " $1=\"[0-9]+\"" "$2" | head -n 1 | tr -dc 0-9; }
        all=$(attribute tests "$1")
        bad=$(($(attribute failures "$1") + $(attribute errors "$1")))
        skip=$(attribute skipped "$1")
        count $((all - bad - skip)) "$bad" "$skip"
}
