# header.awk - turn pushc.h into a reference.
#
#   awk -v mode=md  -f header.awk pushc.h > reference.md
#   awk -v mode=man -v dir=DIR -f header.awk pushc.h     one page a function
#
# A comment at the left margin describes the declaration right below it;
# "==== Title ====" begins a section.

function strip(line) {
    sub(/^\/\* ?/, "", line)
    sub(/^ \* ?/, "", line)
    sub(/ ?\*\/$/, "", line)
    return line
}

# The name that a declaration is about.
function name_of(decl,    m) {
    if (match(decl, /typedef [^;{]*\(\*pushc_[a-z_]+\)/)) {
        m = substr(decl, RSTART, RLENGTH)
        sub(/.*\(\*/, "", m)
        sub(/\)$/, "", m)
        return m
    }
    if (decl ~ /^typedef/) {
        m = decl
        gsub(/[;\n]/, " ", m)
        sub(/ +$/, "", m)
        sub(/.*[ }]/, "", m)
        return m
    }
    if (match(decl, /pushc_[a-z_]+\(/)) {
        return substr(decl, RSTART, RLENGTH - 1)
    }
    if (match(decl, /#define PUSHC_[A-Z_]+/)) {
        m = substr(decl, RSTART, RLENGTH)
        sub(/#define /, "", m)
        return m
    }
    return ""
}

function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/\n\./, "\n\\\\\\&.", text)
    gsub(/\n'/, "\n\\\\\\&'", text)
    return text
}

function first_sentence(text,    s) {
    s = text
    gsub(/\n/, " ", s)
    sub(/[.:;] .*/, "", s)
    sub(/\.$/, "", s)
    return s
}

function put_man(name, decl, text,    file) {
    file = dir "/" name ".3"
    print ".TH " toupper(name) " 3 \"\" \"libpushc " version "\" " \
          "\"libpushc\"" > file
    print ".SH NAME\n" name " \\- " roff(first_sentence(text)) > file
    print ".SH SYNOPSIS\n.nf\n#include <pushc.h>\n" > file
    print roff(decl) "\n.fi" > file
    print ".SH DESCRIPTION\n" roff(text) > file
    print ".SH SEE ALSO\n.BR libpushc (3)" > file
    close(file)
}

function put(    name, shown) {
    if (decl == "") {
        return
    }
    shown = decl
    gsub(/PUSHC_API /, "", shown)
    name = name_of(shown)
    if (mode == "md" && name != "") {
        print "### `" name "`\n"
        if (text != "") {
            print text "\n"
        }
        print "```c\n" shown "\n```\n"
    }
    else if (mode == "man" && shown ~ /^[a-z].*\)[ ]*;$/ &&
             shown !~ /^typedef/) {
        put_man(name, shown, text)
    }
    decl = ""
    text = ""
}

/#define PUSHC_VERSION/ { version = $3; gsub(/"/, "", version) }

!begun { begun = /^extern "C"/; next }
/^#ifdef __cplusplus/ { exit }
/^\/\* ==== / {
    put()
    title = $0
    gsub(/^\/\* ==== | ==== \*\/$/, "", title)
    started = 1
    if (mode == "md") {
        print "## " title "\n"
    }
    text = ""
    next
}
!started { next }
in_decl {
    decl = decl "\n" $0
    if ((braces && /^}/) || (!braces && /[;)]$/)) {
        in_decl = 0
        put()
    }
    next
}
/^\/\*/ { in_comment = 1; text = "" }
in_comment {
    line = strip($0)
    text = text (text == "" ? "" : "\n") line
    if (/\*\/$/) {
        in_comment = 0
    }
    next
}
/^[a-zA-Z#]/ {
    decl = $0
    braces = /\{$/
    if ((/[;]$/ || /^#define/) && !braces) {
        put()
    }
    else {
        in_decl = 1
    }
    next
}
/^$/ { text = "" }
END { put() }
