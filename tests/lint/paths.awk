# Prints FILE:LINE:PATH for each source file that a document, or a comment of a
# C file, names: with a folder (store/ops/publish.c, core/log.[ch]), alone (in
# a document between backquotes), or as any path that begins with mod_push/.
# Headers of the system (<sys/x.h>) and addresses are not ours.

function named(text,    rest, before, path, alone)
{
    rest = text
    while (match(rest, /[A-Za-z0-9_.*-]*(\/[A-Za-z0-9_.*-]*)+(\[ch\])?/)) {
        before = RSTART > 1 ? substr(rest, RSTART - 1, 1) : ""
        path = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        sub(/[.*]+$/, "", path)
        if (before != "<" && before != ":" &&
            (path ~ /[a-z0-9_*]\.([ch]|\[ch\])$/ || path ~ /^mod_push\//)) {
            print FILENAME ":" FNR ":" path
        }
    }
    rest = " " text " "
    alone = is_c ? "[ (,][a-z0-9_]+\\.([ch]|\\[ch\\])[ ),.:;]" \
                 : "`[a-z0-9_]+\\.([ch]|\\[ch\\])`"
    while (match(rest, alone)) {
        print FILENAME ":" FNR ":" substr(rest, RSTART + 1, RLENGTH - 2)
        rest = substr(rest, RSTART + RLENGTH - 1)
    }
}

FNR == 1 {
    is_c = FILENAME ~ /\.[ch]$/
    inside = 0
}

!is_c {
    named($0)
    next
}

# Of a C file the comments alone; they stand in /* */, and not in strings.
{
    line = $0
    if (!inside) {
        gsub(/"([^"\\]|\\.)*"/, "", line)
    }
    while (line != "") {
        if (!inside) {
            at = index(line, "/*")
            if (at == 0) {
                break
            }
            line = substr(line, at + 2)
            inside = 1
        }
        at = index(line, "*/")
        named(at == 0 ? line : substr(line, 1, at - 1))
        if (at == 0) {
            break
        }
        line = substr(line, at + 2)
        inside = 0
    }
}
