#include "journal.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keep.h"

struct journal {
    FILE *file;
    char name[32];
};

static const char *verdict_of(const struct journal *j)
{
    return keep_printf("%s.verdict", j->name);
}

/* Only where the test passed: a failed one ends without that. */
static void release(void *object)
{
    struct journal *j = object;

    fclose(j->file);
    if (getenv("PUSH_KEEP") == NULL) {
        unlink(j->name);
        unlink(verdict_of(j));
    }
    free(j);
}

struct journal *journal_open(void)
{
    struct journal *j = calloc(1, sizeof(*j));
    int fd;

    ck_assert_ptr_nonnull(j);
    strcpy(j->name, "/tmp/push-journal-XXXXXX");
    fd = mkstemp(j->name);
    ck_assert_msg(fd >= 0, "%s", j->name);
    j->file = fdopen(fd, "w");
    ck_assert_ptr_nonnull(j->file);
    return keep(j, release);
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

const char *journal_verdict(struct journal *j)
{
    const char *build = getenv("PUSH_BUILD");
    int status;

    ck_assert_int_eq(fflush(j->file), 0);
    status = system(keep_printf("%s/push-checker %s >%s",
                                build != NULL ? build : "build", j->name,
                                verdict_of(j)));
    return status == 0 ? NULL : keep_file(verdict_of(j), NULL);
}

void journal_judge(struct journal *j)
{
    const char *verdict = journal_verdict(j);

    /* A longer text Check does not take. */
    ck_assert_msg(verdict == NULL, "%s: %.3000s", j->name, verdict);
}
