#include "sanitizer.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"

/* Where the compiler's own libasan is; Debian's place otherwise. */
static const char *library(void)
{
    static char path[PATH_MAX];
    FILE *f = popen("gcc -print-file-name=libasan.so", "r");
    char *end = NULL;

    if (f != NULL) {
        end = fgets(path, sizeof(path), f);
        pclose(f);
    }
    if (end == NULL || path[0] != '/') {
        return "/usr/lib/x86_64-linux-gnu/libasan.so.8";
    }
    path[strcspn(path, "\n")] = '\0';
    return path;
}

void sanitizer_environment(const struct server *s)
{
    char suppressions[PATH_MAX];
    const char *file = "tests/harness/leaks.supp";

    if (getenv("PUSH_ASAN") == NULL) {
        return;
    }
    if (realpath(file, suppressions) == NULL) {
        suppressions[0] = '\0';
    }
    setenv("ASAN_OPTIONS",
           keep_printf("log_path=%s/logs/asan:detect_leaks=%d:"
                       "detect_odr_violation=0:handle_abort=1",
                       s->root, !s->options.leaks),
           1);
    setenv("UBSAN_OPTIONS",
           keep_printf("log_path=%s/logs/asan:print_stacktrace=1", s->root),
           1);
    setenv("LSAN_OPTIONS",
           keep_printf("suppressions=%s:print_suppressions=0", suppressions),
           1);
    setenv("LD_PRELOAD",
           keep_printf("%s %s", library(),
                       s->options.preload != NULL ? s->options.preload : ""),
           1);
}

const char *sanitizer_report(const struct server *s)
{
    char *pattern = keep_printf("%s/logs/asan.*", s->root);
    const char *text = NULL;
    glob_t found;

    if (glob(pattern, 0, NULL, &found) == 0) {
        text = keep_file(found.gl_pathv[0], NULL);
        globfree(&found);
    }
    return text;
}
