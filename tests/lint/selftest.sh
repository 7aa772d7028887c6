#!/bin/bash
# Every rule can fail: each is shown a tree that breaks it, and one that does
# not.  And tests/run counts right, a crash and a silent suite too.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
export PUSH_MODULE=$tree/build/mod_push.so PUSH_BUILD=$tree/build
export MODULE_CFLAGS=
tried=' selftest '

# The tree that breaks no rule.
plant() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{build,conf,docs,tests/lint,tests/unit} \
        "$tree"/mod_push/{core,store/{shm,upkeep},stream/loop,http/identity,server}
    for folder in core store/shm stream/loop http/identity server; do
        echo 'What lives here.' >"$tree/mod_push/$folder/README.md"
    done
    cp "$here/../../.clang-format" "$tree/"
    cat >"$tree/mod_push/core/apple.h" <<'C'
#ifndef PUSH_CORE_APPLE_H
#define PUSH_CORE_APPLE_H
#include <stdint.h>
uint32_t push_apple(uint32_t seed);
#endif
C
    cat >"$tree/mod_push/core/apple.c" <<'C'
#include "core/apple.h"

uint32_t push_apple(uint32_t seed)
{
    return seed + 1; /* PUSH0001: */
}
C
    echo '#include "core/apple.h"' >"$tree/mod_push/store/shm/pear.c"
    touch "$tree"/mod_push/{store/shm/pear,stream/loop/plum,http/identity/quince,server/config}.h
    printf '%s\n' 'row_t r[] = {' \
        '    {"PushShmSize", A_SIZE, GLOBAL(n), 64 * MIB, 1, 2, "", "1M to 1G"}};' \
        >"$tree/mod_push/server/config.c"
    cat >"$tree/conf/push.conf" <<'C'
#   Syntax:   PushShmSize bytes
#   Default:  PushShmSize 64M
#   Context:  server config
#   Range:    1M to 1G
#PushShmSize 64M
C
    echo '| PUSH0001 | info | it | nothing |' >"$tree/docs/operations.md"
    cat >"$tree/tests/unit/test_apple.c" <<'C'
START_TEST(it_grows)
{
}
END_TEST

void suite(void)
{
    tcase_add_test(all, it_grows);
}
C
    printf '#!/bin/sh\necho "%s1"\n' '$' >"$tree/tests/go"
    chmod +x "$tree/tests/go"
    echo 'int push_module;' | ${CC:-gcc} -shared -fPIC -x c -o "$PUSH_MODULE" -
}

# expect RULE TEXT: the rule fails on the tree, with that text.
expect() {
    local output
    output=$(cd "$tree" && "$here/$1.sh" 2>&1)
    case $output in
    *"$2"*) ;;
    *) printf '%s does not see it: %s\n%s\n' "$1" "$2" "$output" ;;
    esac
    tried="$tried $1 "
    plant
}

append() {
    printf '%b' "$2" >>"$tree/$1"
}

plant
for rule in "$here"/*.sh; do
    if [ "$rule" != "$here/selftest.sh" ]; then
        output=$(cd "$tree" && "$rule" 2>&1)
        [ -z "$output" ] || printf '%s on a clean tree: %s\n' "$rule" "$output"
    fi
done

append mod_push/core/apple.c '#include <httpd.h>\n'
expect layers 'may not include httpd.h'
append mod_push/core/apple.c '#include "apr_pools.h"\n'
expect layers 'may not include apr_pools.h'
append mod_push/core/apple.c '#include <sys/socket.h>\n'
expect layers 'may not include sys/socket.h'
append mod_push/store/shm/pear.c '#include "http_log.h"\n'
expect layers 'may not include http_log.h'
append mod_push/stream/loop/plum.c '#include <httpd.h>\n'
expect layers 'may not include httpd.h'
append mod_push/stream/loop/plum.c '#include "stream/handover.h"\n'
expect layers 'stream/loop may not include stream/handover.h'
append mod_push/http/identity/quince.c '#include <httpd.h>\n'
expect layers 'may not include httpd.h'
append mod_push/core/apple.c '#include "../store/shm/pear.h"\n'
expect layers 'core may not include ../store/shm/pear.h'
append mod_push/store/shm/pear.c '#include "server/config.h"\n'
expect layers 'store/shm may not include server/config.h'
append mod_push/store/shm/pear.c '#include "broker/broker.h"\n'
expect layers 'store/shm may not include broker/broker.h'
rm "$tree/mod_push/core/README.md"
expect layers 'core/README.md: 0 lines'
append docs/floors.svg '<svg/>'
expect picture 'is older than tests/lint/floors'
append mod_push/store/shm/pear.c 'static _Thread_local int last;\n'
expect layers 'not in a thread'
append mod_push/http/identity/quince.c '#include "store/shm/pear.h"\n'
expect layers 'http/identity may not include store/shm/pear.h'

printf 'all \\bquaggas?\\b zebra\n' >"$tree/tests/lint/words.retired"
append mod_push/core/apple.c '/* A quagga. */\n'
expect words 'mod_push/core/apple.c:7: \bquaggas?\b was given up: zebra'

append mod_push/store/fig.c ''
expect circles 'fig.c: has no header of its own'
append mod_push/store/shm/fig.c '#include "store/shm/trees_internal.h"\n'
append mod_push/store/shm/trees_internal.h '#include "store/shm/pear.h"\n'
append mod_push/store/shm/pear.h '#include "trees_internal.h"\n'
expect circles 'store/shm/pear: includes mod_push/store/shm/trees.h, which'
append mod_push/core/apple.h '#include "store/shm/pear.h"\n'
expect circles 'core/apple: includes mod_push/store/shm/pear.h, which'
append tests/lint/circles.allow 'arrow mod_push/core/apple mod_push/store/shm/pear\n'
expect circles 'mod_push/store/shm/pear is needed no more'
append tests/lint/circles.allow 'header mod_push/store/shm/pear.c why\n'
expect circles 'mod_push/store/shm/pear.c is needed no more'

append mod_push/store/shm/pear.c 'int f = !strcmp(given,\n    own_secret);\n'
expect secrets 'in a time that tells'
append mod_push/store/shm/pear.c 'int f = memcmp(token, wanted, 20) == 0;\n'
expect secrets 'in a time that tells'

append mod_push/core/apple.c 'int  badly( int laid );\n'
expect format 'not laid out'

append mod_push/core/apple.c "$(printf '\\n%.0s' {1..600})"
expect sizes 'at most 600'
append mod_push/core/apple.h "$(printf '\\n%.0s' {1..150})"
expect sizes 'at most 150'

append mod_push/core/apple.c \
    "\nstatic int long_one(void)\n{\n$(printf '    f();\\n%.0s' {1..59})}\n"
expect functions 'long_one has 61 lines'
append mod_push/core/apple.c \
    '\nint six(int a, int b, int c,\n        int (*d)(int, int), int e, int f)\n{\n}\n'
expect functions 'six has 6 parameters'

append mod_push/core/apple.c '\nint f(int a)\n{\n    if (a)\n        a++;\n}\n'
expect braces 'without braces'
append mod_push/core/apple.c \
    '\nint f(int a)\n{\n    if (a) {\n    }\n    else\n        a++;\n}\n'
expect braces 'else without braces'
append mod_push/core/apple.c \
    '\nint f(int a)\n{\n    if ((a = g()) != 0) {\n    }\n}\n'
expect braces 'an assignment in a condition'

append mod_push/core/fig.h 'size_t push_fig(void);\n'
expect headers "unknown type name"

append mod_push/server/config.c 'const char *other = "PushOther";\n'
expect directives 'PushOther is not documented'
append conf/push.conf '#   Syntax:   PushNone on\n'
expect directives 'documents PushNone'
sed -i '/Range/d' "$tree/conf/push.conf"
expect directives 'lacks its Range'

sed -i 's/1M to 1G/1M to 2G/' "$tree/conf/push.conf"
expect directives 'the range of PushShmSize is 1M to 1G'
sed -i 's/Default:  PushShmSize 64M/Default:  PushShmSize 65M/' "$tree/conf/push.conf"
expect directives 'the default of PushShmSize is 67108864'
cp "$here/../../conf/reference" "$tree/conf/"
expect directives 'docs/directives.md is older'

append tests/unit/test_apple.c 'START_TEST(it_rots)\n{\n}\nEND_TEST\n'
expect registered 'it_rots is not registered'

append mod_push/core/apple.h \
    'typedef struct push_worm_t {\n    int length;\n} push_worm_t;\n'
expect layout 'push_worm_t is neither in the fingerprint'
echo 'SIZE(push_worm_t),' >"$tree/mod_push/store/upkeep/layout.c"
append mod_push/core/apple.h \
    'typedef struct push_worm_t {\n    int length;\n} push_worm_t;\n'
expect layout 'push_worm_t.length is not in the fingerprint'

append mod_push/core/apple.c '/* PUSH0002: */\n'
expect logdocs 'PUSH0002 is not in the table'
append docs/operations.md '| PUSH0003 | info | it | nothing |\n'
expect logdocs 'has PUSH0003, which no message carries'

append mod_push/core/apple.c '/* PUSH0001: */\n'
expect logtags 'PUSH0001: is used more than once'

append mod_push/core/apple.c \
    '\nint f(void)\n{\n    int *p = 0;\n    return *p;\n}\n'
expect cppcheck 'nullPointer'

# shellcheck disable=SC2016  # what the bad script says
append tests/go 'echo $1\n'
expect scripts SC2086

echo 'int push_module, push_helper;' |
    ${CC:-gcc} -shared -fPIC -x c -o "$PUSH_MODULE" -
expect exports push_helper

append docs/guide.md 'Begin with \0140core/apple.[ch]\0140, then \0140pear.h\0140: <sys/uio.h>.\n'
append docs/guide.md 'And mod_push/core/, mod_push/*/apple.c, mod_push/rind.\n'
expect paths 'docs/guide.md:2: there is no mod_push/rind'
append docs/guide.md 'Begin with \0140shm/apple.c\0140.\n'
expect paths 'docs/guide.md:1: there is no shm/apple.c'
append docs/guide.md 'Begin with \0140fig.h\0140.\n'
expect paths 'docs/guide.md:1: there is no fig.h'
append mod_push/core/apple.h '/*\n * See store/pear.c.\n */\n'
expect paths 'apple.h:7: there is no store/pear.c'
append mod_push/core/apple.c 'int f; /* see pear.c, and fig.c */\n'
expect paths 'apple.c:7: there is no fig.c'

mkdir "$tree/conf/docker"
append conf/docker/Dockerfile 'FROM debian:latest\nUSER root\nCOPY here /\n'
expect dockerfile 'runs as root'
mkdir "$tree/conf/docker"
append conf/docker/Dockerfile 'USER www-data\nCOPY here /\n'
expect dockerfile 'copies here, which is not there'
mkdir "$tree/conf/docker"
append conf/docker/Dockerfile 'RUN apt-get update \\\\\n  && apt-get install -y curl\n'
expect dockerfile 'installs what is recommended'

append VERSION '1.2.3\n'
append mod_push/server/version.h '#define PUSH_VERSION "1.2.4"\n'
expect version 'version 1.2.4, and VERSION says 1.2.3'
append VERSION '1.2.3\n'
append CHANGES.md '# Changes\n## 1.2.2\n- It.\n## 1.2.3\n'
expect version 'CHANGES.md: version 1.2.2'
append VERSION '1.2\n'
expect version '1.2 is not three numbers'

append docs/guide.md '# The guide: 1\n[a](#the-guide-1), [b](http://x/y), [c](fig.md)\n'
expect links 'docs/guide.md:2: there is no fig.md'
append docs/guide.md '[a](operations.md), [b](../tests/go), [c](operations.md#it)\n'
expect links 'docs/guide.md:1: there is no operations.md#it'

append mod_push/core/apple.c '/* TO''DO */\n'
expect leftovers 'apple.c'

for rule in "$here"/*.sh; do
    name=$(basename "$rule" .sh)
    [[ $tried == *" $name "* ]] || echo "$name was never seen to fail"
done

# counts "N passed, N failed" COMMAND...: how tests/run sums the suites up.
counts() {
    local expected=$1 last
    shift
    last=$(SUITE_TIMEOUT=5 "$here/../run" "$@" 2>&1 | tail -n 1)
    [ "$last" = "$expected" ] || echo "tests/run $*: $last, not $expected"
}

good="echo '100%: Checks: 3, Failures: 0, Errors: 0'"
counts '3 passed, 0 failed' "$good"
counts '3 passed, 1 failed' "$good; exit 99"
counts '4 passed, 2 failed' "echo '66%: Checks: 6, Failures: 1, Errors: 1'; false"
counts '6 passed, 1 failed' "$good" "kill -SEGV \$\$" "$good"
counts '0 passed, 1 failed' true
counts '7 passed, 0 failed' "printf '# pass 7\n# fail 0\n# cancelled 0\n'"
counts '7 passed, 2 failed' "printf 'ℹ pass 7\nℹ fail 1\nℹ cancelled 1\n'; false"
counts '0 passed, 1 failed' "printf '# pass 0\n# fail 0\n'"
counts '6 passed, 1 failed' "$here/../run \"$good\" \"$good\" false"
counts '0 passed, 0 failed' "printf 'not permitted here\n# skipped 3\n'"
counts '3 passed, 0 failed' "$good" "echo '# skipped 3'"
[ "$("$here/../run" "$here/../run \"$good\" \"echo '# skipped 3'\"" |
    grep -c '^3 skipped$')" = 2 ] || echo "tests/run does not count the skipped"
SUITE_JOBS=2 counts '6 passed, 1 failed' "$good" "kill -SEGV \$\$" "$good"
SUITE_JOBS=2 counts '9 passed, 1 failed' "$good" "$good" --alone false "$good"
counts '6 passed, 0 failed' "$good" --alone "$good"
second="mkdir $tree/once 2>/dev/null && exit 1; $good"
SUITE_JOBS=2 counts '6 passed, 0 failed' "$good" "$second"
rmdir "$tree/once"
[ "$(SUITE_JOBS=2 "$here/../run" "$good" "$second" false |
    grep -E '^(unsteady|failed):')" = "unsteady: $second
failed: false" ] || echo "tests/run does not tell who needed a second run"
rmdir "$tree/once"
jobs="$good; echo \$SUITE_JOBS jobs"
[ "$(SUITE_JOBS=2 "$here/../run" "$jobs" "$jobs" --alone "$jobs" |
    grep '^[0-9] jobs$' | tr '\n' ' ')" = "1 jobs 1 jobs 2 jobs " ] ||
    echo "tests/run multiplies SUITE_JOBS"
