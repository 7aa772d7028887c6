#ifndef PUSH_FROM_DEVICE_H
#define PUSH_FROM_DEVICE_H

#include "core/ids.h"

/* What a client of ramen.v3.proto says: FromDevice of docs/ramen_v3.proto. */

typedef struct push_from_device_t {
    push_cursor_t ack;
} push_from_device_t;

/* NULL, or what is wrong with it, in at most 123 bytes of ASCII. */
const char *push_from_device_read(const char *bytes, size_t len,
                                  push_from_device_t *said);

#endif
