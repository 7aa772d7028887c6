#!/bin/bash
# Every structure of mod_push/core, mod_push/store and what streams move with,
# and each of its members, has a part in the fingerprint of the shared memory
# (store/upkeep/layout*.c, stream/transport/migration.c), or is known as one that processes
# do not share (layout.private, beside this).
set -u
. "$(dirname "$0")/files.bash"
[ -d mod_push ] || exit 0
here=$(dirname "$0")

mapfile -t headers < <(c_files '*.h' |
    grep -E '^mod_push/(core|store)/|^mod_push/stream/transport/migration\.h$')
[ ${#headers[@]} -gt 0 ] || exit 0
facts=$(cat mod_push/store/upkeep/layout*.c mod_push/stream/transport/migration.c \
    2>/dev/null | tr -d ' \n')

expect_nothing "$(awk -f "$here/members.awk" "${headers[@]}" |
    while read -r name member; do
        if grep -qx "$name" "$here/layout.private"; then
            continue
        fi
        if [ -z "$member" ] && [[ $facts != *"SIZE($name)"* ]]; then
            echo "$name is neither in the fingerprint nor known as private"
        elif [ -n "$member" ] && [[ $facts != *"AT($name,$member)"* ]]; then
            echo "$name.$member is not in the fingerprint"
        fi
    done)"
