#!/bin/bash
# Every C file is laid out as .clang-format says; `make format` does it.
set -u
. "$(dirname "$0")/files.bash"

format=clang-format-14
command -v $format >/dev/null || format=clang-format
expect_nothing "$(c_files '*.[ch]' | while read -r file; do
    $format "$file" | cmp -s - "$file" ||
        echo "$file: not laid out so; make format DIRS=$file does it"
done)"
