#include "journal.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "keep.h"
#include "serverroot.h"

struct journal {
    FILE *file;
    char *name;
};

static void release(void *object)
{
    struct journal *j = object;

    if (j->file != NULL) {
        fclose(j->file);
    }
    free(j);
}

struct journal *journal_open(void)
{
    struct journal *j = keep(calloc(1, sizeof(*j)), release);

    j->name = keep_printf("%s/journal", serverroot_make());
    j->file = fopen(j->name, "w");
    ck_assert_ptr_nonnull(j->file);
    return j;
}

void journal_line(struct journal *j, const char *format, ...)
{
    struct timespec now;
    va_list args;

    if (j == NULL) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    fprintf(j->file, "{\"t\":%lld.%06ld,",
            (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000,
            now.tv_nsec % 1000000);
    va_start(args, format);
    vfprintf(j->file, format, args);
    va_end(args);
    fputs("}\n", j->file);
}

void journal_copy(struct journal *j, const char *line, size_t length)
{
    ck_assert_uint_eq(fwrite(line, 1, length, j->file), length);
}

void journal_judge(struct journal *j)
{
    const char *build = getenv("PUSH_BUILD");
    int status;

    ck_assert_int_eq(fflush(j->file), 0);
    status = system(keep_printf("%s/push-checker %s >%s.verdict",
                                build != NULL ? build : "build", j->name,
                                j->name));
    /* A longer text Check does not take. */
    ck_assert_msg(status == 0, "%s: %.3000s", j->name,
                  keep_file(keep_printf("%s.verdict", j->name), NULL));
}
