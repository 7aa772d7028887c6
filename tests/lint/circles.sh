#!/bin/bash
# Every .c file of the module and of the C SDK has a header of its own, NAME.h
# beside it, or takes part in an *_internal.h that it includes; and there is
# no circle between files, where one depends on another if its .c or its .h
# includes the other's .h.  What does not hold yet stands in circles.allow, of
# which a row that is needed no more is a violation too: it only shrinks.
set -u
. "$(dirname "$0")/files.bash"

roots=()
for root in mod_push sdk-c/src sdk-c/pushctl; do
    [ ! -d "$root" ] || roots+=("$root")
done
[ ${#roots[@]} -gt 0 ] || exit 0

expect_nothing "$({
    find "${roots[@]}" -name '*.[ch]'
    grep -rE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "${roots[@]}" \
        --include='*.[ch]' | sed 's/:/ /'
} | awk -v allow=tests/lint/circles.allow -f "$(dirname "$0")/circles.awk" |
    sort)"
