#!/bin/bash
# Every log tag of the module (PUSH0042:) has a row in docs/operations.md, and
# every row there a message that carries it.
set -u
[ -d mod_push ] || exit 0

in_code=$(grep -rohE 'PUSH[0-9]{4}:' mod_push --include='*.[ch]' | tr -d : |
    sort -u)
in_docs=$(sed -nE 's/^\| (PUSH[0-9]{4}) \|.*/\1/p' docs/operations.md | sort)
bad=0
for tag in $(comm -23 <(echo "$in_code") <(echo "$in_docs")); do
    echo "$tag is not in the table of docs/operations.md"
    bad=1
done
for tag in $(comm -13 <(echo "$in_code") <(echo "$in_docs")); do
    echo "docs/operations.md has $tag, which no message carries, or twice"
    bad=1
done
exit $bad
