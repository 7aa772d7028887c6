#!/bin/bash
# A floor of mod_push includes itself and the floors below it; the core knows
# no httpd, no APR and no I/O; the store no httpd; http/identity neither httpd
# nor APR; httpd.h only in the rim.  What is above the broker asks the broker
# and not the store, but for who starts and stops it.
set -u
[ -d mod_push ] || exit 0

rank() {
    case $1 in
    mod_push/core/*) echo 1 ;;
    mod_push/store/*) echo 2 ;;
    mod_push/broker/*) echo 3 ;;
    mod_push/stream/*) echo 4 ;;
    mod_push/http/*) echo 5 ;;
    *) echo 6 ;;
    esac
}

# Whether the file may include the store.  Above the broker it is who makes it,
# keeps it over restarts, and gives it its state.
knows_store() {
    case $1 in
    mod_push/http/runtime.c | mod_push/http/state.[ch] | \
        mod_push/http/kept.[ch]) return 0 ;;
    esac
    [ "$(rank "$1")" -le "$(rank mod_push/stream/)" ]
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
    mod_push/core/*) echo "^($httpd|apr.*\.h|($io)\.h)$" ;;
    mod_push/http/identity/*) echo "^($httpd|apr.*\.h)$" ;;
    mod_push/mod_push.c | mod_push/config*.[ch] | mod_push/http/* | \
        mod_push/stream/handover.[ch]) echo '^$' ;;
    *) echo "^($httpd|(stream/)?handover\.h)$" ;;
    esac
}

bad=0
while IFS=: read -r file line include; do
    name=${include#*[<\"]}
    name=${name%%[>\"]*}
    if [[ $name =~ $(forbidden "$file") ]]; then
        echo "$file:$line: this floor may not include $name"
        bad=1
    fi
    if [[ $include == *\"* ]] && [[ ! $name =~ ^(mod|http|ap|apr|util)_ ]]; then
        target=$(resolve "$file" "$name")
        if [ "$(rank "$target")" -gt "$(rank "$file")" ]; then
            echo "$file:$line: includes $name of a floor above its own"
            bad=1
        fi
        if [[ $target == mod_push/store/* ]] && ! knows_store "$file"; then
            echo "$file:$line: asks the store ($name), not the broker"
            bad=1
        fi
    fi
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include' mod_push --include='*.[ch]')
if grep -rnE '\b(_Thread_local|__thread)\b' mod_push | grep -v ^mod_push/stream/; then
    echo "what a caller waits for stands in its push_commit_t, not in a thread"
    bad=1
fi
exit $bad
