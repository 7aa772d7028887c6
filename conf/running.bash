# shellcheck shell=bash disable=SC2034
# What conf/run and conf/cluster/run have in common.

httpd=$(command -v /usr/sbin/apache2 httpd apache2 | head -n 1)
modules=$(apxs -q LIBEXECDIR)

fail() {
    echo "$*" >&2
    exit 1
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails at once where
# the process $pid, if any, has ended.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        [ -z "${pid:-}" ] || kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.05
    done
}

# port_in_use PORT: of 127.0.0.1.
port_in_use() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# load NAME...: a LoadModule line for each that is not compiled in.
load() {
    local name
    for name in "$@"; do
        [ ! -e "$modules/mod_$name.so" ] ||
            echo "LoadModule ${name}_module \"$modules/mod_$name.so\""
    done
}

# Children do not run as root.
run_as() {
    if [ "$(id -u)" = 0 ]; then
        echo "User ${APACHE_RUN_USER:-www-data}"
        echo "Group ${APACHE_RUN_GROUP:-www-data}"
    fi
}
