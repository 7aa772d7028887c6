#!/bin/bash
# A word that was given up for the field's does not come back: one meaning has
# one word.  words.retired has a row each: where it must not be (all, or module
# for mod_push alone), a pattern, and what is said instead.
set -u
table=tests/lint/words.retired
[ -f "$table" ] || exit 0

# found FOLDER...: each line that has the word, but for the table's own.
found() {
    grep -rnIE "$pattern" "$@" --exclude-dir=node_modules \
        --exclude-dir=build --exclude=words.retired --exclude=selftest.sh \
        2>/dev/null
}

while read -r where pattern instead; do
    case $where in
    module) folders=(mod_push) ;;
    all) folders=(mod_push sdk-c sdk-js tests docs conf README.md
        CONTRIBUTING.md Makefile) ;;
    *) continue ;;
    esac
    found "${folders[@]}" | while IFS=: read -r file line _; do
        echo "$file:$line: $pattern was given up: $instead"
    done
done <"$table" | {
    ! grep .
}
