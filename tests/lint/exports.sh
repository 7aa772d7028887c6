#!/bin/bash
# mod_push.so exports its module record and nothing else: what another module
# could call, or collide with, is none of its business.
set -u
module=${PUSH_MODULE:-build/mod_push.so}
for source in "$(dirname "$module")"/mod_push_*_source.so; do
    record=$(basename "$source" .so)_module
    if [ -e "$source" ] && [ "$(nm -D --defined-only "$source" |
        awk '{ print $3 }')" != "${record#mod_}" ]; then
        echo "$source exports more than ${record#mod_}"
        exit 1
    fi
done
if [ ! -e "$module" ]; then
    echo "$module is not there"
    exit 1
fi
names=$(nm -D --defined-only "$module" | awk '{ print $3 }' | sort | tr '\n' ' ')
if [ "$names" != "push_module " ]; then
    echo "$module exports: ${names:-nothing} (expected: push_module)"
    exit 1
fi
