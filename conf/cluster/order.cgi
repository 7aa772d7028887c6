#!/bin/sh
# What a button of the page wants: "kill node 1", "start redis 4".  It goes to
# conf/cluster/run by a pipe, which knows what of it to do.
set -eu

answer() {
    printf 'Status: %s\r\nContent-Type: text/plain\r\n\r\n%s\n' "$1" "$2"
    exit 0
}

# A page of another site cannot send this header.
[ "$REQUEST_METHOD" = POST ] || answer 405 'POST'
[ "${HTTP_PUSH_CLIENT:-}" = cluster-page ] || answer 403 'not from the page'
case $QUERY_STRING in
    kill=node-[1-3] | start=node-[1-3] | kill=redis-[1-6] | start=redis-[1-6]) ;;
    *) answer 400 'kill= or start=, node-1 to node-3 or redis-1 to redis-6' ;;
esac
echo "$QUERY_STRING" >>"$PUSH_ORDERS"
answer 202 "$QUERY_STRING"
