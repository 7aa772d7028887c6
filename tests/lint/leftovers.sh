#!/bin/bash
# No note to oneself stays in the tree.
set -u
words='TO''DO|FIX''ME|XX''X'
found=$(grep -rnwE "$words" . --include='*.[ch]' --include='*.js' \
    --include='*.mjs' --include='*.sh' --include='*.md' --include='*.conf' \
    --include='*.mk' --include='Makefile' --include='*.html' \
    --exclude-dir=node_modules --exclude-dir=build --exclude-dir=.git)
[ -z "$found" ] || {
    printf '%s\n' "$found"
    exit 1
}
