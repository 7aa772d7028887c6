#ifndef PUSH_LIBRARY_ROWS_H
#define PUSH_LIBRARY_ROWS_H

#include "core/types.h"

/*
 * What nodes answer each other, as bytes: fields, one behind the other.  A field
 * is its name in a byte, a length in four, and so many bytes; a number has as
 * many as it needs, big-endian, and a row is a field whose bytes are fields.
 * Who reads skips the names that it does not know, and takes what is missing
 * as empty or 0, so nodes of different versions understand each other.
 */

#define PUSH_ROWS_MAX  (UINT32_C(1) << 20) /* bytes of an answer */
#define PUSH_ROWS_MORE 255u /* a field: more rows than these had no room */

/* What is written; the memory grows up to the limit. */
typedef struct push_rows_t {
    char *at;
    uint32_t len, room, limit;
    bool full; /* something was left out, a row as a whole */
} push_rows_t;

void push_rows_init(push_rows_t *rows, uint32_t limit);
void push_rows_cleanup(push_rows_t *rows);

void push_rows_text(push_rows_t *rows, unsigned name, push_text_t text);
/* 0 is not written. */
void push_rows_number(push_rows_t *rows, unsigned name, uint64_t number);

/* Begins a row; what is written until its end is in it. */
uint32_t push_rows_begin(push_rows_t *rows, unsigned name);
void push_rows_end(push_rows_t *rows, uint32_t begun);

/* All that was written, with PUSH_ROWS_MORE where it was not all. */
push_text_t push_rows_bytes(push_rows_t *rows);

/* One field; its bytes are borrowed. */
typedef struct push_field_t {
    unsigned name;
    push_text_t bytes;
} push_field_t;

/* Takes the first field off the rest; false at the end, or where it breaks. */
bool push_field_next(push_text_t *rest, push_field_t *field);

/* 0 where it is longer than any number. */
uint64_t push_field_number(const push_field_t *field);

/* The first field of that name; empty where there is none. */
push_text_t push_field_text_of(push_text_t fields, unsigned name);
uint64_t push_field_number_of(push_text_t fields, unsigned name);

#endif
