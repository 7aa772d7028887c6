#ifndef PUSH_UNDELIVERED_H
#define PUSH_UNDELIVERED_H

#include <httpd.h>

#include "store/shard/store.h"

/*
 * What is part of a trace and ends before every device of its user has
 * acknowledged it, is named in the log with the trace's id.  Messages of
 * channels and to all are not: who has read one of these is known in no one
 * place.
 */

/*
 * In a child, before anything is published in it.  A no-op where the log does
 * not take such lines (LogLevel info).  The store is borrowed.
 */
void push_undelivered_start(server_rec *s, push_store_t *store);

/* When nothing is published in it any more; says what is left to be said. */
void push_undelivered_stop(void);

#endif
