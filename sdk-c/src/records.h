/*
 * records.h - the message ids that a session has seen, a bounded set.
 *
 * A part of session.h: works on its fields buckets to newest. Records that
 * nobody refers to go, when there are more than `dedup`, the oldest first that
 * the cursor has passed.
 */
#ifndef PUSHC_RECORDS_H
#define PUSHC_RECORDS_H

#include "session.h"

/* PUSHC_OK or PUSHC_ERR_MEMORY. */
int pushc_records_init(struct pushc_session *s);
void pushc_records_cleanup(struct pushc_session *s);

/* The record of a mid that is not "", or NULL. */
struct pushc_record *pushc_record_find(const struct pushc_session *s,
                                       const char *mid);

/* A new record, without references; NULL without memory. */
struct pushc_record *pushc_record_create(struct pushc_session *s,
                                         const char *mid);

/* Drop one reference. One without a mid, or not done, goes with its last. */
void pushc_record_release(struct pushc_session *s, struct pushc_record *r);

#endif
