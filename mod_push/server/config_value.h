#ifndef PUSH_CONFIG_VALUE_H
#define PUSH_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers as directives have them.  False: it is none; *value is undefined. */

/* Digits. */
bool push_value_count(const char *text, int64_t *value);

/* Bytes; with K, M or G behind the digits. */
bool push_value_size(const char *text, int64_t *value);

#endif
