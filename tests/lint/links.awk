# Prints the links of Markdown files that lead nowhere.  there: a file with the
# path of every file of the tree, a line each, without "./".

BEGIN {
    while ((getline path <there) > 0) {
        exists[path] = 1
        while (sub("/[^/]*$", "", path)) {
            exists[path] = 1
        }
    }
}

FNR == 1 {
    code = 0
    name = FILENAME
    sub("^[.]/", "", name)
}

/^```/ { code = !code }

# As GitHub makes an anchor of a heading.
!code && /^#+ / {
    anchor = tolower($0)
    sub("^#+ +", "", anchor)
    gsub("[]!-,./:-@\\\\^`{|}~[]", "", anchor)
    gsub(" ", "-", anchor)
    times = seen[name, anchor]++
    anchors[name "#" anchor (times ? "-" times : "")] = 1
}

!code {
    rest = $0
    while (match(rest, "\\]\\([^) ]+\\)")) {
        links++
        from[links] = name
        line[links] = FNR
        to[links] = substr(rest, RSTART + 2, RLENGTH - 3)
        rest = substr(rest, RSTART + RLENGTH)
    }
}

# Where a path leads that stands in the file base.
function whole(base, path) {
    if (!sub("/[^/]*$", "/", base)) {
        base = ""
    }
    path = base path
    while (sub("(^|/)[^/.][^/]*/[.][.]/", "/", path) || sub("^/|[.]/", "", path)) {
    }
    sub("/$", "", path)
    return path
}

END {
    for (i = 1; i <= links; i++) {
        if (to[i] ~ "^[a-z]+:") {
            continue
        }
        path = to[i]
        sub("#.*", "", path)
        path = path == "" ? from[i] : whole(from[i], path)
        anchor = to[i]
        if (!sub("^[^#]*#", "", anchor)) {
            anchor = ""
        }
        if (!(path in exists) \
            || (anchor != "" && path ~ "[.]md$" \
                && !((path "#" anchor) in anchors))) {
            print from[i] ":" line[i] ": there is no " to[i]
        }
    }
}
