#ifndef PUSH_WIRE_H
#define PUSH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/types.h"

/*
 * Fields of a message of Protocol Buffers
 * (protobuf.dev/programming-guides/encoding).
 */

typedef enum push_wire_t {
    PUSH_WIRE_VARINT = 0,
    PUSH_WIRE_FIXED64 = 1,
    PUSH_WIRE_BYTES = 2, /* texts, bytes and messages */
    PUSH_WIRE_FIXED32 = 5
} push_wire_t;

#define PUSH_VARINT_MAX 10u /* bytes */

/* ---- writing: each returns its end ---- */

static inline char *push_wire_varint(char *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (char)(value | 0x80);
        value >>= 7;
    }
    *at++ = (char)value;
    return at;
}

static inline char *push_wire_key(char *at, unsigned number, push_wire_t type)
{
    return push_wire_varint(at, (uint64_t)number << 3 | type);
}

/* A field that is 0 is as good as none: it is left out. */
static inline char *push_wire_number(char *at, unsigned number, uint64_t value)
{
    return value
               ? push_wire_varint(push_wire_key(at, number, PUSH_WIRE_VARINT),
                                  value)
               : at;
}

static inline char *push_wire_fixed64(char *at, unsigned number,
                                      uint64_t value)
{
    at = push_wire_key(at, number, PUSH_WIRE_FIXED64);
    for (unsigned i = 0; i < 8; i++) {
        *at++ = (char)(value >> 8 * i);
    }
    return at;
}

/* Left out if it is empty. */
static inline char *push_wire_text(char *at, unsigned number,
                                   const push_text_t *text)
{
    if (!text->len) {
        return at;
    }
    at = push_wire_varint(push_wire_key(at, number, PUSH_WIRE_BYTES),
                          text->len);
    memcpy(at, text->at, text->len);
    return at + text->len;
}

/* Bytes that it takes. */
static inline size_t push_wire_varint_size(uint64_t value)
{
    size_t size = 1;

    while (value >= 0x80) {
        size++;
        value >>= 7;
    }
    return size;
}

/* ---- reading ---- */

typedef struct push_field_t {
    uint32_t number;
    push_wire_t type;
    uint64_t value;   /* of a number */
    push_text_t text; /* of bytes, borrowed */
} push_field_t;

/* What is left of a message. */
typedef struct push_fields_t {
    const char *at;
    const char *end;
    bool broken; /* what comes next is no field */
} push_fields_t;

/* The next field; false: there is none, for one of two reasons. */
bool push_fields_next(push_fields_t *fields, push_field_t *field);

static inline push_fields_t push_fields_of(const char *bytes, size_t len)
{
    return (push_fields_t){bytes, bytes + len, false};
}

#endif
