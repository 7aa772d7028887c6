#!/bin/bash
# Every C file is laid out as .clang-format says; `make format` does it.
set -u
. "$(dirname "$0")/files.bash"

format=clang-format-14
command -v $format >/dev/null || format=clang-format
expect_nothing "$(c_files '*.[ch]' |
    xargs -r -P2 -n32 $format --dry-run -Werror 2>&1 |
    sed -nE 's/^([^:]*):[0-9]+:[0-9]+: error: .*/\1/p' | sort -u |
    while read -r file; do
        echo "$file: not laid out so; make format DIRS=$file does it"
    done)"
