#ifndef PUSH_PROCESS_FEEDS_H
#define PUSH_PROCESS_FEEDS_H

#include "broker/broker.h"
#include "http/settings.h"

struct push_store_t;

/* The server's own channels in the life of a process; see feeds/feeds.h. */

/* In the parent: what the children are to know. */
void push_process_feeds_prepare(const push_global_t *global);

/* ---- in a child; what fails is in the log ---- */

/* Before there are streams: what happens to them is to be noted. */
void push_process_feeds_make(struct push_store_t *store, push_broker_t *broker,
                             server_rec *s);

/* When the child has its seats. */
void push_process_feeds_start(server_rec *s);

/* When there are no streams any more. */
void push_process_feeds_stop(void);

#endif
