# Reads lines "FILE.c" or "FILE.h" and "FILE #include "NAME"", and the table
# of what is allowed (allow=FILE).  A unit is a file without its .c, .h or
# _internal.h; it depends on the units whose headers it includes.

function unit(file,    name) {
    name = substr(file, 1, length(file) - 2)
    sub(/_internal$/, "", name)
    return name
}

# The header that "name", included by file, is: beside it, or from a root.
function resolve(file, name,    beside) {
    beside = file
    sub(/[^\/]*$/, name, beside)
    while (sub(/[^\/]+\/\.\.\//, "", beside)) {
    }
    return beside in files ? beside : \
        ("mod_push/" name) in files ? "mod_push/" name : ""
}

# Whether a unit leads to another by one or more steps.
function leads(from, to,    seen, stack, top, at, i, n, next_units) {
    stack[top = 1] = from
    while (top > 0) {
        at = stack[top--]
        n = split(targets[at], next_units, " ")
        for (i = 1; i <= n; i++) {
            if (next_units[i] == to) {
                return 1
            }
            if (!(next_units[i] in seen)) {
                seen[next_units[i]] = 1
                stack[++top] = next_units[i]
            }
        }
    }
    return 0
}

BEGIN {
    while ((getline line < allow) > 0) {
        if (line ~ /^#/ || line == "") {
            continue
        }
        split(line, word, " ")
        if (word[1] == "header") {
            excused[word[2]] = 1
        }
        else {
            arrow[word[2] " " word[3]] = 1
        }
    }
}

NF == 1 {
    files[$1] = 1
    next
}

{
    name = $0
    gsub(/^[^"]*"|".*$/, "", name)
    includes[++count] = $1 SUBSEP name
}

END {
    for (i = 1; i <= count; i++) {
        split(includes[i], pair, SUBSEP)
        header = resolve(pair[1], pair[2])
        if (header ~ /_internal\.h$/) {
            shares[pair[1]] = 1
        }
        from = unit(pair[1])
        to = unit(header)
        if (header != "" && from != to && !((from, to) in known)) {
            known[from, to] = 1
            targets[from] = targets[from] " " to
        }
    }
    for (file in files) {
        if (file ~ /\.c$/ && !((unit(file) ".h") in files)) {
            needed["header " file] = 1
            if (!(file in shares) && !(file in excused)) {
                print file ": has no header of its own"
            }
        }
    }
    for (pair_key in known) {
        split(pair_key, pair, SUBSEP)
        if (leads(pair[2], pair[1])) {
            needed["arrow " pair[1] " " pair[2]] = 1
            if (!((pair[1] " " pair[2]) in arrow)) {
                print pair[1] ": includes " pair[2] \
                    ".h, which leads back to it: a circle"
            }
        }
    }
    for (file in excused) {
        if (!(("header " file) in needed)) {
            print allow ": header " file " is needed no more"
        }
    }
    for (key in arrow) {
        if (!(("arrow " key) in needed)) {
            print allow ": arrow " key " is needed no more"
        }
    }
}
