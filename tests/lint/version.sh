#!/bin/bash
# The module, the SDKs, their manual pages and the newest section of CHANGES.md
# have the number that the file VERSION has (`make version` writes it there).
set -u
[ -e VERSION ] || exit 0

version=$(cat VERSION)
bad=0
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || {
    echo "VERSION: $version is not three numbers"
    bad=1
}

# of FILE EXPRESSION: all versions that sed's expression finds in the file.
of() {
    local found
    [ -e "$1" ] || return 0
    found=$(sed -nE "$2" "$1" | sort -u)
    [ "$found" = "$version" ] || {
        echo "$1: version ${found:-not found}, and VERSION says $version"
        bad=1
    }
}
of mod_push/server/version.h 's/^#define PUSH_VERSION "(.*)"$/\1/p'
of sdk-c/include/pushc.h 's/^#define PUSHC_VERSION "(.*)"$/\1/p'
for page in sdk-c/man/*.[13]; do
    of "$page" '1s/^\.TH .*"libpushc ([^"]*)".*/\1/p'
done
of sdk-js/src/settings.js "s,.*'mod-push-client/([^']*)'.*,\1,p"
of sdk-js/package.json 's/^  "version": "(.*)",$/\1/p'
of sdk-js/package-lock.json '1,12s/^ *"version": "(.*)",$/\1/p'
of CHANGES.md '/^## [0-9]/{s/^## ([0-9.]+).*/\1/p;q}'
exit $bad
