#!/bin/bash
# A function has at most 60 lines from brace to brace, and at most 5
# parameters (more is a struct).  Exceptions stand in functions.allow, one
# "NAME reason" a line.
set -u
here=$(dirname "$0")
. "$here/files.bash"

expect_nothing "$(c_files '*.[ch]' |
    xargs -r awk -v allow="$here/functions.allow" -f "$here/functions.awk")"
