# What the suites of this directory share; sourced by them, with $root set.

# inside COMMAND...: in the root, with the environment of a fresh login.
enter=(env -i DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root
    PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "${root:?}")
inside() {
    "${enter[@]}" "$@"
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "waited in vain: $*"; return 1; }
        sleep 0.1
    done
}

# instructions DOCKERFILE: each on one line, without comments.
instructions() {
    sed -e '/^[[:space:]]*#/d' "$1" |
        sed -e ':a' -e '/\\$/{N;s/\\\n[[:space:]]*//;ba' -e '}'
}

# run_cases NAME...: each a function, with what it says where it fails; then
# the count, as tests/run reads it.
run_cases() {
    local name output began passed=0 failed=0
    for name in "$@"; do
        began=$SECONDS
        if output=$($name 2>&1); then
            echo "ok      $name ($((SECONDS - began)) s)"
            passed=$((passed + 1))
        else
            echo "FAILED  $name"
            printf '        %s\n' "${output//$'\n'/$'\n'        }"
            failed=$((failed + 1))
        fi
    done
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
