#ifndef PUSH_LATER_RECORD_H
#define PUSH_LATER_RECORD_H

#include "core/later.h"
#include "store/shard/records.h"

/*
 * The record of what is kept for later, and of what became of it.  The second
 * is the shorter one, and final: a process may still have the first one queued
 * when another has published it.
 */

#define PUSH_RECORD_LATER 'S'

/* body: of what is kept; NULL: it is over.  NULL: no memory. */
push_record_t *push_later_record_make(const push_later_t *later,
                                      const push_later_body_t *body);

/*
 * Takes a record apart, but for node, body and place; *body is empty unless it
 * is kept, and not aligned.  False: it is not one that was made here.
 */
bool push_later_record_read(push_text_t key, push_text_t value,
                            push_later_t *later, push_text_t *body);

#endif
