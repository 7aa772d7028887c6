# Prints "STRUCT MEMBER" for every member of every `typedef struct NAME {` of
# C headers that are laid out as .clang-format says; bodies are one deep.
function strip(line) {
    if (comment) {
        if (!sub(/^.*\*\//, "", line)) {
            return ""
        }
        comment = 0
    }
    gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
    if (sub(/\/\*.*$/, "", line)) {
        comment = 1
    }
    return line
}

FNR == 1 { name = ""; comment = 0 }
{ $0 = strip($0) }
/^typedef struct [a-z0-9_]+ \{/ { name = $3; print name; next }
/^typedef struct \{/ { name = "?"; next }
/^}/ { name = ""; next }
/^#/ || name == "" || name == "?" || !/;/ { next }
{
    sub(/;.*$/, "")
    count = split($0, parts, ",")
    for (i = 1; i <= count; i++) {
        part = parts[i]
        gsub(/\[[^]]*\]/, "", part)
        match(part, /[A-Za-z0-9_]+[ ]*$/)
        member = substr(part, RSTART, RLENGTH)
        gsub(/ /, "", member)
        print name, member
    }
}
