#!/bin/bash
# A folder of mod_push includes itself and the folders that its line in
# tests/lint/floors names, all of which stand above that line.  The core and
# the codecs know no httpd, no APR and no I/O; the store and http/identity no
# httpd; httpd.h only in http/, triggers/, server/, sources/, mod_push.c and the hand-over; nothing
# below stream/ keeps anything in a thread.  Every folder says in a README of at most 30 lines what lives there.
set -u
here=$(dirname "$0")
[ -d mod_push ] || exit 0
bad=0

say() {
    echo "$1"
    bad=1
}

# allowed[FOLDER]: the folders that it may include, between spaces.
declare -A allowed
while read -r folder others; do
    for other in $others; do
        [ -n "${allowed[$other]-}" ] ||
            say "tests/lint/floors: $folder includes $other, which is not below it"
    done
    allowed[$folder]=" $folder $others "
done < <(grep -v '^#' "$here/floors" | grep .)

folder_of() {
    local folder=${1#mod_push/}
    case $folder in
    */*) echo "${folder%/*}" ;;
    *) echo mod_push ;;
    esac
}

# Where "$2", included by file $1, leads: beside the file, or from mod_push.
resolve() {
    local beside
    beside=$(realpath -m --relative-to=. "$(dirname "$1")/$2")
    if [ -e "$beside" ]; then
        echo "$beside"
    else
        echo "mod_push/$2"
    fi
}

# What the file may not include by <> (or by the name of a system header).
forbidden() {
    local httpd='httpd\.h|http_[a-z]+\.h|ap_[a-z_]+\.h|scoreboard\.h|mpm_[a-z]+\.h|mod_[a-z_]+\.h|util_[a-z]+\.h'
    local io='unistd|fcntl|poll|signal|pthread|netdb|time|stdio|sys/(socket|time|mman|epoll|eventfd|uio|un|stat|select|ioctl)|netinet/.*|arpa/.*'
    case $1 in
    mod_push/codec/output.h) echo "^($httpd|apr.*\.h|(${io/uio|/})\.h)$" ;;
    mod_push/core/* | mod_push/codec/* | mod_push/websocket/* | mod_push/protobuf/*) echo "^($httpd|apr.*\.h|($io)\.h)$" ;;
    mod_push/http/identity/*) echo "^($httpd|apr.*\.h)$" ;;
    mod_push/mod_push.c | mod_push/server/* | mod_push/http/* | mod_push/triggers/* | mod_push/sources/* | \
        mod_push/stream/handover.[ch]) echo '^$' ;;
    *) echo "^($httpd)$" ;;
    esac
}

while IFS=: read -r file line include; do
    name=${include#*[<\"]}
    name=${name%%[>\"]*}
    if [[ $name =~ $(forbidden "$file") ]]; then
        say "$file:$line: this floor may not include $name"
    fi
    folder=$(folder_of "$file")
    if [[ $include != *\"* ]] || [[ $folder = mod_push ]] ||
        [[ $name =~ ^(mod|http|ap|apr|util)_ ]]; then
        continue
    fi
    target=$(folder_of "$(resolve "$file" "$name")")
    if [[ ${allowed[$folder]-} != *" $target "* ]]; then
        say "$file:$line: $folder may not include $name (tests/lint/floors)"
    fi
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include' mod_push --include='*.[ch]')

if grep -rnE '\b(_Thread_local|__thread)\b' mod_push | grep -v ^mod_push/stream/; then
    say "what a caller waits for stands in its push_commit_t, not in a thread"
fi

while read -r dir; do
    folder=${dir#mod_push/}
    [ -n "${allowed[$folder]-}" ] ||
        say "$folder has no line in tests/lint/floors"
    lines=$(grep -c "" "$dir/README.md" 2>/dev/null)
    if [ "${lines:=0}" -lt 1 ] || [ "$lines" -gt 30 ]; then
        say "$dir/README.md: $lines lines, it must have 1 to 30"
    fi
done < <(find mod_push/* -name '*.c' -printf '%h\n' | grep / | sort -u)
exit $bad
