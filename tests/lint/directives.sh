#!/bin/bash
# Every directive of mod_push/server/config.c is in conf/push.conf, with its syntax,
# default, context and range (the one that config.c enforces), and every
# directive documented there exists.
set -u
[ -e mod_push/server/config.c ] || exit 0

in_code=$(grep -ohsE '"Push[A-Z][A-Za-z]*"' mod_push/server/config*.c \
    mod_push/sources/*/module.c | tr -d '"' |
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

# What push.conf says of a directive in one of its fields.
said() {
    sed -nE "/^# +Syntax: +$1\b/,/^#?$1\b/s/^# +$2: +//p" conf/push.conf
}

# A value of push.conf as the table has it: bytes, milliseconds, or a count.
plain() {
    local value=$1 unit=$2
    case $value in
    *K) echo $((${value%K} << 10)) ;;
    *M) echo $((${value%M} << 20)) ;;
    *G) echo $((${value%G} << 30)) ;;
    *) [ "$unit" = s ] && echo $((value * 1000)) || echo "$value" ;;
    esac
}

# The number directives are rows of a table: {"PushName", …, "1 to 16"}.
flat=$(tr '\n' ' ' <mod_push/server/config.c)
while IFS='|' read -r name fallback unit legal; do
    range=$(said "$name" Range)
    if [ "${range#"$legal"}" = "$range" ]; then
        echo "conf/push.conf: the range of $name is $legal, not $range"
        bad=1
    fi
    said=$(said "$name" Default)
    said=$(plain "${said#"$name "}" "$unit")
    fallback=${fallback//SECONDS/1000}
    fallback=${fallback//KIB/1024}
    fallback=${fallback//MIB/1048576}
    if [ "$said" != "$((fallback))" ]; then
        echo "conf/push.conf: the default of $name is $((fallback)), not $said"
        bad=1
    fi
done < <(grep -oE '\{"Push[A-Za-z]+",[^{}]*"[^"]+"\}' <<<"$flat" | sed -E \
    's/^\{"([A-Za-z]+)", *[A-Z_]+, *[A-Z]+\([a-z_]+\), *([^,]+),.*"([a-z]*)", *"([^"]+)"\}$/\1|\2|\3|\4/')

# docs/directives.md and conf/mod_push.xml are made of all that.
if [ -e conf/reference ]; then
    for made in md:docs/directives.md xml:conf/mod_push.xml; do
        conf/reference "${made%%:*}" | cmp -s - "${made#*:}" || {
            echo "${made#*:} is older than conf/push.conf: make reference"
            bad=1
        }
    done
fi
exit $bad
