#!/bin/bash
# What an image must have, read from its Dockerfile as no engine runs here:
# Debian's slim image, not root, logs to where docker reads, port 8080, the
# signal that ends httpd gracefully, a health check, a program instead of a
# shell; and that what it copies is there.  What the image does is tested by
# tests/packages/image.
set -u
[ -e conf/docker ] || exit 0

file=conf/docker/Dockerfile
bad=0
# Each instruction on one line, without comments.
text=$(sed -e '/^[[:space:]]*#/d' "$file" 2>/dev/null |
    sed -e ':a' -e '/\\$/{N;s/\\\n[[:space:]]*//;ba' -e '}')

say() {
    echo "$file: $1"
    bad=1
}

# need EXPRESSION SENTENCE, deny EXPRESSION SENTENCE: of some line, of no line.
need() {
    grep -qE "$1" <<<"$text" || say "$2"
}
deny() {
    ! grep -qE "$1" <<<"$text" || say "$2"
}

need '^FROM debian:[a-z]+-slim$' 'is not of a named slim Debian'
need '^EXPOSE 8080$' 'does not expose 8080'
need '^STOPSIGNAL SIGWINCH$' 'is not ended by SIGWINCH'
need '^HEALTHCHECK .*CMD \[".*/health(\?live)?"\]$' 'has no health check'
need '^CMD \["/' 'has no CMD in exec form'
need '/proc/self/fd/1' 'does not log to the standard output'
need '/proc/self/fd/2' 'does not log errors to the standard error'
deny '^ADD ' 'ADD fetches and unpacks; COPY says what it does'
while read -r line; do
    [[ $line == *--no-install-recommends* ]] || say 'installs what is recommended'
    [[ $line == *'rm -rf /var/lib/apt/lists/'* ]] || say 'keeps the lists of apt'
done < <(grep -E '^RUN .*apt-get install' <<<"$text")

user=$(sed -nE 's/^USER +//p' <<<"$text" | tail -n 1)
case ${user%%:*} in
'' | root | 0) say 'runs as root' ;;
esac
while read -r source; do
    [ "$source" = packages/ ] || [ -e "conf/docker/$source" ] ||
        say "copies $source, which is not there"
done < <(sed -nE 's/^COPY +([^ ]+) .*/\1/p' <<<"$text")
exit $bad
