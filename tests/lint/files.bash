# Which files the rules look at; sourced by them.

# $(c_files '*.c'): our C files of that name, one a line.
c_files() {
    local dir dirs=()
    for dir in mod_push sdk-c tests; do
        [ ! -d "$dir" ] || dirs+=("$dir")
    done
    [ ${#dirs[@]} -gt 0 ] || return 0
    find "${dirs[@]}" -name node_modules -prune -o -type f -name "$1" -print |
        sort
}

# Prints what was found, if anything, and fails then.
expect_nothing() {
    [ -z "$1" ] && return 0
    printf '%s\n' "$1"
    return 1
}
