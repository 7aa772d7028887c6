#!/bin/bash
# No script has anything that shellcheck finds.
set -u
here=$(dirname "$0")
[ -e "$here/run" ] || exit 1

scripts=$(find . \( -name node_modules -o -name .git -o -path ./build \) \
    -prune -o -type f \( -perm -u+x -o -name '*.sh' -o -name '*.bash' \) \
    -print | sort | while read -r file; do
    if head -n 1 "$file" | grep -qE '^#!.*[/ ](ba|da)?sh\b'; then
        echo "$file"
    fi
done)
[ -n "$scripts" ] || exit 0
# shellcheck disable=SC2086  # a list
shellcheck -x -P "$here" $scripts
