#!/bin/bash
# An application as CGI: it answers what a file says (apps.h).
answers=$(dirname "$0")/../answers
file=$answers/$(basename "$QUERY_STRING")
cut='' parts='' gate=''
{
    read -r status
    [ "$status" = - ] || echo "Status: $status"
    while IFS= read -r line && [ -n "$line" ]; do
        case $line in
        '!cut: '*) cut=${line#*: } ;;
        '!parts: '*) parts=${line#*: } ;;
        '!gate: '*) gate=$answers/gate ;;
        *) printf '%s\n' "$line" ;;
        esac
    done
    echo
    if [ -n "$cut" ]; then
        head -c "$cut"
        sleep 0.1
        kill -9 $$
    fi
    if [ -n "$parts" ]; then
        body=$(cat)
        size=$(((${#body} + parts - 1) / parts))
        while [ -n "$body" ]; do
            printf '%s' "${body:0:size}"
            body=${body:size}
            [ -n "$gate" ] || sleep 0.2
            until [ -z "$gate" ] || [ -e "$gate" ] || [ $SECONDS -gt 60 ]; do
                sleep 0.02
            done
        done
        exit
    fi
    cat
} <"$file"
