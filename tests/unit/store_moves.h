#ifndef STORE_MOVES_H
#define STORE_MOVES_H

#include "store/ops/import.h"
#include "store_cluster.h"

/*
 * Two nodes between which the device d of ada moves, and what the cluster keeps
 * of logs: all that was published here.
 */

#define MOVES_KEPT 4096

/* All that was published, which both nodes hear if they follow. */
typedef struct moves_kept_t {
    char log[16], text[16];
    order_t order;
    bool recalled;
} moves_kept_t;

extern fixture_t one, two;
extern moves_kept_t moves_kept[MOVES_KEPT];
extern unsigned moves_count;
extern uint64_t moves_tick;                        /* the last one */
extern unsigned char moves_id[PUSH_CONTEXT_BYTES]; /* of the context */

/* Fixtures; the second one fails if what is left in a segment is not sound. */
void moves_begin(void);
void moves_end(void);

void moves_say(const char *log, const char *text, push_urgency_t urgency);

/* The cluster has it no more, and no node that follows from now on gets it. */
void moves_forget(const char *text);

/* As push_follow gives it. */
void moves_follow(fixture_t *node, const char *log);

/* The device comes for the first time; channel is "news" or NULL. */
push_stream_ref_t moves_come(fixture_t *node, const char *channel);

/* The same, and it is sent 1=b 2=a, 3=c of news, 4=d of all, 5=e. */
push_stream_ref_t moves_five(void);

push_export_t moves_yield(fixture_t *node);
push_status_t moves_import(fixture_t *node, const push_export_t *exported,
                           bool exact, uint32_t fence);

/* All of a move that succeeds; exact: with its session. */
void moves_make(fixture_t *from, fixture_t *to, bool exact);

push_stream_ref_t moves_resume(fixture_t *node, const char *channel,
                               push_cursor_t at);

/* The context, or NULL. */
push_device_t *moves_device(fixture_t *node);

#endif
