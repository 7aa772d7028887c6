#include "keep.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    void *object;
    void (*release)(void *);
    struct kept *next;
};

static struct kept *all_kept;

/* No test goes on without memory; usable by the runner too, unlike Check's
 * assertions. */
static void *must(void *object)
{
    if (object == NULL) {
        fprintf(stderr, "no memory\n");
        abort();
    }
    return object;
}

void *keep(void *object, void (*release)(void *))
{
    struct kept *k = must(malloc(sizeof(*k)));

    k->object = must(object);
    k->release = release;
    k->next = all_kept;
    all_kept = k;
    return object;
}

char *keep_copy(const void *bytes, size_t length)
{
    char *copy = keep(malloc(length + 1), free);

    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    copy[length] = '\0';
    return copy;
}

char *keep_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
    }
    va_end(args);
    return keep(text, free);
}

char *keep_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "r");
    char *bytes = NULL, *larger;
    size_t used = 0, got, room = 0;

    if (length != NULL) {
        *length = 0;
    }
    if (file == NULL) {
        return keep_copy("", 0);
    }
    do {
        room += 65536;
        larger = must(realloc(bytes, room + 1));
        bytes = larger;
        got = fread(bytes + used, 1, room - used, file);
        used += got;
    } while (got > 0);
    fclose(file);
    bytes[used] = '\0';
    if (length != NULL) {
        *length = used;
    }
    return keep(bytes, free);
}

void keep_end(void)
{
    while (all_kept != NULL) {
        struct kept *k = all_kept;

        all_kept = k->next;
        k->release(k->object);
        free(k);
    }
}
