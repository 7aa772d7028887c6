#!/bin/bash
# What documents and comments name as a source file is there: by its whole path,
# or by the last part of it (`ops/publish.c` is mod_push/store/ops/publish.c).
set -u
here=$(dirname "$0")
. "$here/files.bash"

prune=(-name node_modules -prune -o -name .git -prune -o -name build -prune -o
    -name corpus -prune -o)
documents=$(find . "${prune[@]}" -type f \( -name '*.md' -o -name '*.conf' \) \
    -print | sort)
files=$(find . "${prune[@]}" -print | sed 's,^\.,,')

# Is $1 the end of a path that is there?  Stars stand for what they stand for.
there() {
    local pattern=${1%/}
    pattern=${pattern//./\\.}
    grep -qE "/${pattern//\*/[^/]*}\$" <<<"$files"
}

bad=0
mapfile -t looked < <({ echo "$documents"; c_files '*.[ch]'; } | grep .)
[ ${#looked[@]} -gt 0 ] || exit 0
while IFS=: read -r file line path; do
    name=${path#./}
    while [[ $name == ../* ]]; do
        name=${name#../}
    done
    if [[ $name == *.\[ch] ]]; then
        there "${name%.\[ch]}.c" && there "${name%.\[ch]}.h" && continue
    else
        there "$name" && continue
    fi
    echo "${file#./}:$line: there is no $path"
    bad=1
done < <(awk -f "$here/paths.awk" "${looked[@]}")
exit $bad
