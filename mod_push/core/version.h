#ifndef PUSH_VERSION_NUMBERS_H
#define PUSH_VERSION_NUMBERS_H

#include <stdbool.h>

#include "core/types.h"

/* Versions as numbers: 4.10 is above 4.9, and 4.0 is 4. */

#define PUSH_VERSION_NUMBERS 6 /* at most; what follows does not count */

typedef struct push_version_t {
    unsigned count; /* without zeros at the end */
    uint32_t numbers[PUSH_VERSION_NUMBERS];
} push_version_t;

/*
 * Takes digits off the text, up to count of them, 9 at most; false if it
 * begins with none, or with more.
 */
bool push_digits_take(push_text_t *text, unsigned count, uint32_t *number);

/*
 * Takes numbers of up to 9 digits off the text, with a dot or an underscore
 * between two of them; false if it does not begin with one.
 */
bool push_version_take(push_text_t *text, push_version_t *version);

/* Less than 0, 0 or more, as memcmp() says it. */
int push_version_compare(const push_version_t *a, const push_version_t *b);

#endif
