# Completion of evoflip for bash.  Everything it offers is read from the program's own
# help, so it follows the program that is installed.

_evoflip() {
    local program=$1 current=$2 previous=$3 command=${COMP_WORDS[1]} words
    COMPREPLY=()
    if ((COMP_CWORD == 1)) || { ((COMP_CWORD == 2)) && [[ $command == help ]]; }; then
        words=$("$program" --help 2>/dev/null |
            awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }')
    elif [[ $current == -* ]]; then
        words=$("$program" "$command" --help 2>/dev/null |
            awk '/^ +-/ { for (i = 1; i <= 2; i++) if ($i ~ /^--/) print $i }')
    elif [[ $previous == -* ]]; then
        # "--data digits|fashion|PATH": the words in lower case can be typed as they are
        words=$("$program" "$command" --help 2>/dev/null |
            awk -v option="$previous" '/^ +-/ {
                for (i = 1; i <= 2; i++) {
                    name = $i
                    sub(/,$/, "", name)
                    if (name == option) { print $(i == 1 && $i ~ /,$/ ? 3 : i + 1) }
                }
            }' | tr '|' '\n' | grep -x '[a-z0-9]*')
    fi
    # shellcheck disable=SC2207  # words have no spaces
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _evoflip evoflip
