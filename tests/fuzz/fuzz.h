#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A target is one file, fuzz_NAME.c: it takes any bytes, and requires what
 * must hold for them.  libFuzzer calls it (`make fuzz`), and so does replay.c
 * for each file of corpus/NAME (`make check`).
 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define REQUIRE(condition)                                                    \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                          \
        }                                                                     \
    } while (0)

/* Memory of exactly this size, so that ASan sees one byte too many. */
static inline char *fuzz_copy(const void *bytes, size_t size)
{
    char *copy = malloc(size ? size : 1);

    REQUIRE(copy != NULL);
    if (size) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

/* The same, as a C string: up to the first NUL. */
static inline char *fuzz_string(const void *bytes, size_t size)
{
    const char *end = size ? memchr(bytes, '\0', size) : NULL;
    size_t len = end ? (size_t)(end - (const char *)bytes) : size;
    char *copy = malloc(len + 1);

    REQUIRE(copy != NULL);
    if (len) {
        memcpy(copy, bytes, len);
    }
    copy[len] = '\0';
    return copy;
}

/* What is left of an input, cut into fields at 0xfe, which no field needs. */
typedef struct fuzz_input_t {
    const uint8_t *at;
    size_t left;
} fuzz_input_t;

static inline fuzz_input_t fuzz_field(fuzz_input_t *in)
{
    const uint8_t *end = in->left ? memchr(in->at, 0xfe, in->left) : NULL;
    fuzz_input_t field = {in->at, end ? (size_t)(end - in->at) : in->left};
    size_t taken = field.left + (end != NULL);

    in->at += taken;
    in->left -= taken;
    return field;
}

#endif
