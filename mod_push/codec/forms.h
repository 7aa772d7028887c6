#ifndef PUSH_FORMS_H
#define PUSH_FORMS_H

#include <stddef.h>

#include "core/types.h"

/*
 * Payloads that have to be made before they can be written, such as base64:
 * kept by the mid of their message, so that all streams of a thread that get
 * the message get what was made for the first of them.  All of them are of one
 * codec.  When there is no more room, nothing is added until all is forgotten.
 * Zeroed, it is empty.  One thread.
 */

#define PUSH_FORMS_MOST  512u
#define PUSH_FORMS_BYTES (256u << 10)

typedef struct push_form_t {
    uint64_t mid;
    uint32_t at;  /* in the bytes */
    uint32_t len; /* 0: this place is free */
} push_form_t;

typedef struct push_forms_t {
    push_form_t table[2 * PUSH_FORMS_MOST]; /* from the mid's hash on */
    unsigned count;
    uint32_t used; /* of the bytes */
    bool full;     /* something did not fit */
    char bytes[PUSH_FORMS_BYTES];
} push_forms_t;

/* What was found or added before is borrowed until here: forgets if full. */
void push_forms_begin(push_forms_t *forms);

/* Empty if there is none. */
push_text_t push_forms_find(const push_forms_t *forms, uint64_t mid);

/*
 * Room for the form of a message that has none yet: len bytes, at least one,
 * all of them to be written before the next call.  NULL if there is none.
 */
char *push_forms_add(push_forms_t *forms, uint64_t mid, size_t len);

#endif
