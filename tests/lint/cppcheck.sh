#!/bin/bash
# cppcheck finds nothing; an exception is written beside its line, with the
# reason (cppcheck-suppress).  Not asked: ctuuninitvar, which takes the address
# of an array for a read of it; invalidLifetime, which believes that a function
# called by pointer keeps its argument (the compiler and ASan look for that);
# and in tests, which valgrind and ASan run, what ignores that a failed
# assertion ends the process and that a helper fills its argument.
set -u
. "$(dirname "$0")/files.bash"

cache=${PUSH_BUILD:-build}/cppcheck
mkdir -p "$cache"
files=$(c_files '*.c')
[ -n "$files" ] || exit 0
asserted=()
for id in memleakOnRealloc nullPointerArithmetic uninitvar legacyUninitvar; do
    asserted+=("--suppress=$id:tests/*" "--suppress=$id:sdk-c/test/*")
done
# shellcheck disable=SC2086  # a list
cppcheck -q -j2 --cppcheck-build-dir="$cache" --std=c11 \
    --enable=warning,performance,portability --inline-suppr \
    --suppress=missingInclude --suppress=unknownMacro \
    --suppress=ctuuninitvar --suppress=invalidLifetime \
    "${asserted[@]}" -Imod_push -Isdk-c/include -Itests --error-exitcode=1 $files
