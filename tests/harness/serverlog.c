#include "serverlog.h"

#include <stdio.h>
#include <string.h>

#include "keep.h"
#include "sanitizer.h"

/* Never expected, whoever logged it. */
static const char *const bad_anywhere[] = {
    "exit signal", "AddressSanitizer", "runtime error:", "LeakSanitizer",
    "AH00046:",    "Assertion",        "AH00051:",
};

static const char *const bad_levels[] = {
    "[push:warn]",
    "[push:error]",
    "[push:crit]",
    "[push:alert]",
    "[push:emerg]",
    "[push_redis_source:warn]",
    "[push_redis_source:error]",
    "[push_redis_source:emerg]",
    "[push_postgres_source:warn]",
    "[push_postgres_source:error]",
    "[push_postgres_source:emerg]",
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static bool holds_one_of(const char *line, const char *const *texts,
                         size_t count)
{
    size_t i;

    for (i = 0; i < count && texts[i] != NULL; i++) {
        if (strstr(line, texts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

int serverlog_count(const struct server *s, const char *text)
{
    char *path = keep_printf("%s/logs/error", s->root);
    FILE *f = fopen(path, "r");
    char line[8192];
    int count = 0;

    if (f == NULL) {
        return 0;
    }
    while (fgets(line, sizeof(line), f) != NULL) {
        count += strstr(line, text) != NULL;
    }
    fclose(f);
    return count;
}

static const char *fault_in(const struct server *s, const char *name)
{
    char *text = (char *)server_file(s, name);
    char *rest = NULL;
    char *line = strtok_r(text, "\n", &rest);

    while (line != NULL) {
        bool bad = holds_one_of(line, bad_anywhere, COUNT(bad_anywhere))
                   || holds_one_of(line, bad_levels, COUNT(bad_levels));

        if (bad && !holds_one_of(line, s->allowed, COUNT(s->allowed))) {
            return line;
        }
        line = strtok_r(NULL, "\n", &rest);
    }
    return NULL;
}

const char *serverlog_fault(const struct server *s)
{
    const char *fault = sanitizer_report(s);

    if (fault == NULL) {
        fault = fault_in(s, "logs/error");
    }
    if (fault == NULL) {
        fault = fault_in(s, "logs/stderr");
    }
    return fault;
}
