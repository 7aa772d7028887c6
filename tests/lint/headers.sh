#!/bin/bash
# Every header compiles alone, so that the order of includes never matters.
# The core's are compiled without httpd's and APR's directories in the path.
set -u
. "$(dirname "$0")/files.bash"
export CC=${CC:-gcc} MODULE_CFLAGS=${MODULE_CFLAGS:-}

alone() {
    case $1 in
    mod_push/core/* | mod_push/codec/*) flags= ;;
    mod_push/*) flags=$MODULE_CFLAGS ;;
    sdk-c/*) flags='-Isdk-c/include -Isdk-c/src' ;;
    *) flags="-Itests -Itests/harness -Isdk-c/include $MODULE_CFLAGS" ;;
    esac
    # shellcheck disable=SC2086  # several flags
    $CC -std=gnu11 -Wall -Wextra -Wno-unused-function -D_GNU_SOURCE \
        -Imod_push $flags -fsyntax-only -include "$1" -x c /dev/null 2>&1 |
        grep -E 'error|warning'
}
export -f alone
expect_nothing "$(c_files '*.h' | xargs -r -P2 -I{} bash -c 'alone {}' | sort -u)"
