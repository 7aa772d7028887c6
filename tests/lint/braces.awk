# Used by braces.sh: comments, strings and macros are taken away first.

FNR == 1 { cond = ""; macro = 0; comment = 0 }
{
    text = $0
    gsub(/\\./, "", text)
    gsub(/"[^"]*"/, "\"\"", text)
    gsub(/\x27[^\x27]*\x27/, "0", text)
    gsub(/\/\*.*\*\//, "", text)
    if (comment) {
        if (text !~ /\*\//) { next }
        sub(/.*\*\//, "", text)
        comment = 0
    }
    if (text ~ /\/\*/) { sub(/\/\*.*/, "", text); comment = 1 }
    if (text ~ /^#/) { macro = 1 }
    if (macro) { macro = text ~ /\\$/; next }
    sub(/[[:space:]]+$/, "", text)
}
cond != "" { cond = cond " " text; finish(); next }
text ~ /^[[:space:]]*(}[[:space:]]*)?(else )?(if|for|while|switch) \(/ {
    cond = text
    first = FNR
    finish()
    next
}
text ~ /(^|[ }])else$/ || text ~ /^[[:space:]]*else[[:space:]]+[^{i]/ {
    printf "%s:%d: else without braces\n", FILENAME, FNR
}

function finish(    open, shut, rest, copy, inner)
{
    copy = cond
    open = gsub(/\(/, "", copy)
    shut = gsub(/\)/, "", copy)
    if (open > shut) {
        return
    }
    inner = cond
    if (inner !~ /(^|[ }])for \(/ && inner ~ /[^=!<>+*\/%&|^-]=[^=]/ &&
        inner ~ /(if|while) \(/) {
        printf "%s:%d: an assignment in a condition\n", FILENAME, first
    }
    if (cond !~ /\{[[:space:]]*$/ && !(cond ~ /(^|})[[:space:]]*while \(.*;$/)) {
        printf "%s:%d: a branch or loop without braces\n", FILENAME, first
    }
    cond = ""
}
