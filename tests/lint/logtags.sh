#!/bin/bash
# A log tag (PUSH0042:) stands at exactly one place.
set -u
[ -d mod_push ] || exit 0
bad=0
for tag in $(grep -rohE 'PUSH[0-9]{4}:' mod_push --include='*.[ch]' | sort | uniq -d); do
    echo "$tag is used more than once:"
    grep -rn "$tag" mod_push --include='*.[ch]'
    bad=1
done
exit $bad
