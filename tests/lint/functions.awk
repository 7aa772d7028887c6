# Used by functions.sh; allow names the file of exceptions.
# The layout helps: what a function definition consists of begins in the first
# column: its name, its opening and its closing brace.

BEGIN {
    while ((getline line < allow) > 0) {
        split(line, word, " ")
        allowed[word[1]] = 1
    }
}
FNR == 1 { head = ""; body = 0 }
body {
    if ($0 ~ /^}/) {
        check(FNR - start + 1)
        body = 0
        head = ""
    }
    next
}
/^\{/ && head ~ /\)[[:space:]]*$/ { body = 1; start = FNR; next }
/^[#\/}]/ || /;[[:space:]]*$/ || /^$/ { head = ""; next }
/^[A-Za-z_]/ && head !~ /^(static|const|extern|inline|unsigned)?[A-Za-z_ *]*$/ { head = "" }
{ head = head " " $0; sub(/^ /, "", head) }

function check(lines,    name, args, n, i, c, depth)
{
    if (match(head, /^START_TEST\(/)) {
        name = substr(head, RLENGTH + 1)
        sub(/\).*/, "", name)
        args = ""
    }
    else {
        # the first parenthesis after a name opens the parameter list
        if (!match(head, /[A-Za-z_][A-Za-z0-9_]*\(/)) {
            return
        }
        name = substr(head, RSTART, RLENGTH - 1)
        args = substr(head, RSTART + RLENGTH)
    }
    n = args ~ /^(void)?\)/ ? 0 : 1
    depth = 1
    for (i = 1; i <= length(args) && depth > 0; i++) {
        c = substr(args, i, 1)
        if (c == "(") { depth++ }
        if (c == ")") { depth-- }
        if (c == "," && depth == 1) { n++ }
    }
    if (name in allowed) {
        return
    }
    if (lines > 60) {
        printf "%s:%d: %s has %d lines, at most 60\n", FILENAME, start, name, lines
    }
    if (n > 5) {
        printf "%s:%d: %s has %d parameters, at most 5\n", FILENAME, start, name, n
    }
}
