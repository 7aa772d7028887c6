#!/bin/bash
# docs/floors.svg shows what tests/lint/floors says: `make floors` draws it.
set -u
here=$(dirname "$0")
[ -e docs/floors.svg ] || exit 0
"$here/draw_floors" | cmp -s - docs/floors.svg || {
    echo 'docs/floors.svg is older than tests/lint/floors: make floors'
    exit 1
}
