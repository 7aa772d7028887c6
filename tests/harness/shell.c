#include "shell.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keep.h"

#define SAID_MAX 65536

const char *shell_run(const char *script)
{
    char *said = keep(malloc(SAID_MAX), free);
    size_t n;
    FILE *p = popen(keep_printf("exec 2>&1; cd \"$DIR\"; set -e; %s", script),
                    "r");

    ck_assert_ptr_nonnull(p);
    n = fread(said, 1, SAID_MAX - 1, p);
    said[n] = '\0';
    ck_assert_msg(pclose(p) == 0, "%s\n%s", script, said);
    return said;
}

const char *shell_build(void)
{
    const char *build = getenv("PUSH_BUILD");
    char cwd[512];

    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    return build ? build : keep_printf("%s/build", cwd);
}
