#!/bin/bash
# A file has at most 600 lines, an internal header 150: beyond that it is two.
set -u
. "$(dirname "$0")/files.bash"

too_long() {
    while read -r file; do
        lines=$(wc -l <"$file")
        [ "$lines" -le "$1" ] || echo "$file: $lines lines, at most $1"
    done
}
expect_nothing "$(
    c_files '*.c' | too_long 600
    c_files '*.h' | grep -v '^sdk-c/include/' | too_long 150
)"
