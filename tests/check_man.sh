#!/bin/sh
# The manual pages: clean mdoc, the options that the program has, examples that run.
#
# An example is a line `.Dl $ evoflip ...`, or a line `$ evoflip ...` of a literal
# display.  Two comments in a page are for this test:
#   .\" check first: COMMAND     what has to be run before the next example
#   .\" check with: OPTIONS      added to the next example, for a smaller budget
. "${EF_SRCDIR:-$(dirname "$0")/..}/tests/tap.sh"

pages=$(find "$srcdir/man" -name '*.[0-9]' | sort)
mkdir bin
ln -s "$evoflip" bin/evoflip
PATH=$scratch/bin:$PATH
MANPAGER='cat'
export PATH MANPAGER

# --- mdoc ---

for page in $pages; do
    name=$(basename "$page")
    if command -v mandoc >/dev/null 2>&1; then
        problems=$(mandoc -Tlint -Wwarning "$page" 2>&1)
        report "$([ -z "$problems" ]; echo $?)" "$name is clean mdoc" "$problems"
    else
        skip "$name is clean mdoc" "mandoc is not installed"
    fi
done

# --- objectives ---

page=$srcdir/man/evoflip-objectives.7
# name, unit, direction, needs, keys; - where there is none
awk '/^\.It Sy name Ta/ { in_table = 1; next } /^\.El/ { in_table = 0 }
    in_table { sub(/^\.It /, ""); gsub(/ Ta /, "|"); print }' "$page" >page.rows
"$evoflip" score --list --csv - | awk '/^#/ { next } !head { head = 1; next }
    {
        n = 0
        for (rest = $0; n < 5; n++) {
            if (substr(rest, 1, 1) == "\"") { at = index(substr(rest, 2), "\"") + 2
                field = substr(rest, 2, at - 3) }
            else { at = index(rest, ","); field = substr(rest, 1, at - 1) }
            rest = substr(rest, at + (substr(rest, at, 1) == "\"") )
            sub(/^,/, "", rest)
            printf "%s%s", n ? "|" : "", field == "" ? "-" : field
        }
        print ""
    }' >list.rows
report "$([ -s page.rows ] && cmp -s page.rows list.rows; echo $?)" \
    "evoflip-objectives(7) has the program's objectives, units and keys" \
    "$(diff page.rows list.rows)"
bad=
for name in $(cut -d '|' -f 1 list.rows); do
    grep -qxE "\.(It Cm|Ss) $name" "$page" || bad="$bad $name"
done
report "$([ -z "$bad" ]; echo $?)" "and explains each of them" "$bad"

# --- options ---

options_of_page() { # PAGE: every option that an item of a list explains
    awk '$1 == ".It" && $2 == "Fl" {
             for (i = 2; i < NF; i++) {
                 if ($i == "Fl" || ($(i - 1) == "," && $i ~ /^-/)) { print "-" $(i + ($i == "Fl")) }
             }
         }' "$1" | sort -u
}

options_of_help() { # COMMAND
    "$evoflip" "$1" --help | awk '/^ +-/ {
            for (i = 1; i <= 2; i++) {
                if ($i ~ /^-/) { sub(/,$/, "", $i); print $i }
            }
        }' | sort -u
}

commands=$("$evoflip" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }')
for command in $commands; do
    page=$srcdir/man/evoflip-$command.1
    case $command in help | version) continue ;; esac
    if [ ! -e "$page" ]; then
        report 1 "evoflip-$command.1 is there"
        continue
    fi
    options_of_page "$page" >page.options
    options_of_help "$command" >help.options
    differences=$(diff page.options help.options)
    report $? "evoflip-$command.1 explains the options that $command has" "$differences"
    grep -q "^\\.It Xr evoflip-$command 1" "$srcdir/man/evoflip.1"
    report $? "evoflip.1 lists $command"
done

# --- examples ---

examples() { # PAGE: "first COMMAND" or "example COMMAND", a line each
    awk '/^\.\\" check first: / { sub(/^\.\\" check first: /, ""); print "first", $0 }
         /^\.\\" check with: / { sub(/^\.\\" check with:/, ""); with = $0 }
         /^\.Bd -literal/ { literal = 1 }
         /^\.Ed/ { literal = 0 }
         /^\.Dl \$ evoflip/ || (literal && /^\$ evoflip/) {
             sub(/^(\.Dl )?\$ /, ""); print "example", $0 with; with = ""
         }' "$1"
}

for page in $pages; do
    name=$(basename "$page")
    examples "$page" >"$scratch/list"
    [ -s "$scratch/list" ] || continue
    mkdir "$scratch/$name" && cd "$scratch/$name" || exit 99
    ln -s "$srcdir/data" data
    while read -r kind line; do
        output=$(timeout 300 sh -c "$line" </dev/null 2>&1)
        status=$?
        if [ "$kind" = example ] || [ $status != 0 ]; then
            report $status "$name: \$ $line" "$output"
        fi
    done <"$scratch/list"
    cd "$scratch" || exit 99
done
finish
