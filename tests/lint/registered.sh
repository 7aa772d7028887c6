#!/bin/bash
# Every START_TEST(name) is added to a test case of its file: a test that is
# not registered never fails.
set -u
. "$(dirname "$0")/files.bash"

expect_nothing "$(c_files '*.c' | xargs -r grep -l '^START_TEST' |
    while read -r file; do
        flat=$(tr '\n' ' ' <"$file" | sed 's,/\*[^*]*\*/,,g')
        sed -nE 's/^START_TEST\(([A-Za-z0-9_]+)\).*/\1/p' "$file" |
            while read -r name; do
                grep -qE "tcase_add[a-z_]*test[a-z_]*\([^,;]*,[[:space:]]*${name}[,)[:space:]]" \
                    <<<"$flat" || echo "$file: $name is not registered"
            done
    done)"
