# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for vipctl: it knows its verbs, groups, nodes and settings itself.
_vipctl()
{
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word i
        local -a words=() where=()

        for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                case $word in
                --run-dir | --config)
                        where+=("$word" "${COMP_WORDS[i+1]}")
                        ((i++))
                        ;;
                -o | --output | --timeout | --since | --reason) ((i++)) ;;
                -*) ;;
                *) words+=("$word") ;;
                esac
        done
        case $prev in
        -o | --output)
                mapfile -t COMPREPLY < <(compgen -W "table json jsonl" -- "$cur")
                return
                ;;
        --run-dir | --config)
                compopt -o default
                return
                ;;
        --timeout | --since | --reason) return ;;
        esac
        if [[ $cur == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(vipctl "${words[@]:0:1}" --help 2>/dev/null |
                        sed -n '/^Options:/,$s/^  \(-.*\)  .*/\1/p' | grep -o -e '--[a-z-]*')" -- "$cur")
                return
        fi
        [[ ${words[0]-} != check ]] || compopt -o default
        mapfile -t COMPREPLY < <(compgen -W "$(vipctl "${where[@]}" --complete -- "${words[@]}" \
                2>/dev/null)" -- "$cur")
}
complete -F _vipctl vipctl
