#!/bin/sh
# The application of the board, which knows of no push:
#
#   board.cgi          the next trains; another answer each seven seconds
#   board.cgi?counts   how often that was asked for, and how many bytes it was
#
# What it counts is for the page alone: a line with the length of each answer.
set -eu

counts=${PUSH_DEMO_COUNTS:?}

answer() {
    printf 'Content-Type: application/json\r\nCache-Control: no-store\r\n'
    printf '\r\n%s\n' "$1"
}

# count_of NAME: what stands in its file, as JSON.
count_of() {
    touch "$counts/$1"
    awk -v name="$1" '{ bytes += $1 } END {
        printf "\"%s\":{\"requests\":%d,\"bytes\":%d}", name, NR, bytes
    }' "$counts/$1"
}

if [ "${QUERY_STRING:-}" = counts ]; then
    answer "{$(count_of polled),$(count_of pushed)}"
    exit 0
fi

turn=$(($(date +%s) / 7))
board="{\"since\":$((turn * 7000)),\"trains\":["
for train in 'Cascais 3' 'Sintra 5' 'Porto 8' 'Faro 11'; do
    every=${train#* }
    board="$board{\"to\":\"${train% *}\",\"minutes\":$((every - turn % every))},"
done
board="${board%,}]}"

# A trigger says its name: it asks for all who follow.
who=polled
[ -z "${HTTP_PUSH_TRIGGER:-}" ] || who=pushed
echo ${#board} >>"$counts/$who"
answer "$board"
