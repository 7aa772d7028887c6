#ifndef PUSH_SAID_H
#define PUSH_SAID_H

#include <stddef.h>

/* What a client of ramen.v1.json says: objects of JSON with one member. */

typedef struct push_said_t {
    const char *ack; /* a cursor that it is to be; borrowed of the text */
    size_t ack_len;
} push_said_t;

/* NULL, or what is wrong with it, in at most 123 bytes of ASCII. */
const char *push_said_read(const char *text, size_t len, push_said_t *said);

#endif
