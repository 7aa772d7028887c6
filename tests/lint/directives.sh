#!/bin/bash
# Every directive of mod_push/server/config.c is in conf/push.conf, with its syntax,
# default, context and range (the one that config.c enforces), and every
# directive documented there exists.
set -u
[ -e mod_push/server/config.c ] || exit 0

in_code=$(grep -ohE '"Push[A-Z][A-Za-z]*"' mod_push/server/config*.c | tr -d '"' |
    sort -u)
in_docs=$(sed -nE 's/^# +Syntax: +(Push[A-Za-z]+).*/\1/p' conf/push.conf |
    sort -u)
bad=0
if [ -z "$in_code" ]; then
    echo "mod_push/server/config.c: no directive found"
    bad=1
fi
for name in $(comm -23 <(echo "$in_code") <(echo "$in_docs")); do
    echo "$name is not documented in conf/push.conf"
    bad=1
done
for name in $(comm -13 <(echo "$in_code") <(echo "$in_docs")); do
    echo "conf/push.conf documents $name, which mod_push/server/config.c has not"
    bad=1
done
for name in $in_docs; do
    entry=$(sed -nE "/^# +Syntax: +$name\b/,/^#?$name\b/p" conf/push.conf)
    for field in Default Context Range; do
        if ! grep -qE "^# +$field: +[^ ]" <<<"$entry"; then
            echo "conf/push.conf: $name lacks its $field line"
            bad=1
        fi
    done
    if ! grep -qE "^#$name " <<<"$entry"; then
        echo "conf/push.conf: $name lacks its commented line"
        bad=1
    fi
done

# The number directives are rows of a table: {"PushName", …, "1 to 16"}.
flat=$(tr '\n' ' ' <mod_push/server/config.c)
while IFS='|' read -r name legal; do
    range=$(sed -nE "/^# +Syntax: +$name\b/,/^#?$name\b/s/^# +Range: +//p" \
        conf/push.conf)
    if [ "${range#"$legal"}" = "$range" ]; then
        echo "conf/push.conf: the range of $name is $legal, not $range"
        bad=1
    fi
done < <(grep -oE '\{"Push[A-Za-z]+",[^{}]*"[^"]+"\}' <<<"$flat" |
    sed -E 's/^\{"([A-Za-z]+)".*"([^"]+)"\}$/\1|\2/')
exit $bad
