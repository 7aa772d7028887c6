#!/bin/bash
# What a document for readers links to is there: the file, and the heading in
# it.
set -u
here=$(dirname "$0")

mapfile -t documents < <(find . -maxdepth 1 -name '*.md'
    [ ! -d docs ] || find docs -name '*.md')
[ ${#documents[@]} -gt 0 ] || exit 0
wrong=$(awk -f "$here/links.awk" -v there=<(find . -name node_modules -prune -o \
    -name .git -prune -o -type f -print | sed 's,^\./,,') "${documents[@]}")
[ -z "$wrong" ] || {
    echo "$wrong"
    exit 1
}
