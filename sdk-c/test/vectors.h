/* vectors.h - read tests/vectors, in the format of its README.md. */
#ifndef PUSHC_TEST_VECTORS_H
#define PUSHC_TEST_VECTORS_H

#include <jansson.h>
#include <stddef.h>

/* The array in a file of tests/vectors; fails the test without one. The
 * environment variable PUSH_VECTORS names another directory. */
json_t *vectors_load(const char *name);

/* A text as bytes, freed by the caller. */
char *vectors_text(const json_t *text, size_t *length);

/* Members of a row. */
const char *vectors_string(const json_t *row, const char *name);
double vectors_number(const json_t *row, const char *name);

#endif
