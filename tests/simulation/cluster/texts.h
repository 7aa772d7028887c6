#ifndef CS_TEXTS_H
#define CS_TEXTS_H

#include "core/types.h"

/* The model's numbers for what the library has as bytes; from 1 on. */

typedef enum cs_table_t {
    CS_RECORDS, /* any bytes: each has a number of its own */
    CS_CONTEXTS,
    CS_OWNERS,
    CS_TOPICS,
    CS_KEYS,
    CS_REQUESTS,
    CS_ASKED, /* numbers of questions */
    CS_TABLES
} cs_table_t;

void cs_texts_reset(void);

/* 0 of an empty text. */
unsigned cs_text_number(cs_table_t table, push_text_t text);
push_text_t cs_text_of(cs_table_t table, unsigned number);

#endif
