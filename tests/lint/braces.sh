#!/bin/bash
# Every branch and every loop has its braces, and no condition assigns.
set -u
here=$(dirname "$0")
. "$here/files.bash"

expect_nothing "$(c_files '*.[ch]' |
    xargs -r awk -f "$here/braces.awk")"
