#ifndef PUSH_PREDICATE_H
#define PUSH_PREDICATE_H

#include "core/where.h"

/*
 * Compiles for which devices of an audience a message is: terms that must all
 * hold, as "os=ios, app_version=>=4.2, share=0-49, of=summer"
 * (docs/audience.md).  What comes of it is core/where.h's.
 */

#define PUSH_EXPERIMENT_MAX 64 /* bytes of the value of "of" */
#define PUSH_VARIANT_MAX    32 /* bytes of the value of "variant" */

/* What is wrong with a term. */
typedef struct push_predicate_wrong_t {
    push_text_t name;  /* of the term, as it was given */
    const char *legal; /* what it may be; a literal */
} push_predicate_wrong_t;

typedef struct push_predicate_term_t {
    uint8_t what; /* what it looks at, and how it compares */
    uint8_t len;
    char value[PUSH_EXPERIMENT_MAX + 2];
} push_predicate_term_t;

/* Terms that are being collected.  All 0: there are none so far. */
typedef struct push_predicate_t {
    unsigned count;
    push_predicate_term_t terms[PUSH_WHERE_TERMS];
    push_text_t of; /* of the share; borrowed until push_predicate_end() */
    bool has_share;
    char bytes[PUSH_WHERE_MAX]; /* what push_predicate_end() has made */
} push_predicate_t;

/* Adds a term; false, and what is wrong with it. */
bool push_predicate_add(push_predicate_t *predicate, push_text_t name,
                        push_text_t value, push_predicate_wrong_t *wrong);

/* Adds all terms of a text, with a comma between two of them; likewise. */
bool push_predicate_parse(push_predicate_t *predicate, push_text_t text,
                          push_predicate_wrong_t *wrong);

/*
 * Compiles the terms into the predicate's bytes, which where borrows; empty if
 * there were none.  False, and what is wrong with them together.
 */
bool push_predicate_end(push_predicate_t *predicate, push_text_t *where,
                        push_predicate_wrong_t *wrong);

/* True if these are bytes that push_predicate_end() may have made. */
bool push_predicate_valid(push_text_t where);

#endif
