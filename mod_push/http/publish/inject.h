#ifndef PUSH_INJECT_H
#define PUSH_INJECT_H

#include "broker/broker.h"
#include "http/publish/fields.h"

/*
 * Publishing without a request: captured answers, the answers of pulls, and
 * other sources.  What is refused of a POST is refused here too.
 */

/* Who publishes, and what he may. */
typedef struct push_injector_t {
    push_broker_t *broker;
    const push_settings_t *settings;   /* sizes, TTLs, rates; with defaults */
    const apr_array_header_t *allowed; /* const char *: scopes (http/identity/
                                          scope.h); NULL: all, also of names
                                          that begin with $, which no line can
                                          give */
    const char *allowed_by; /* the directive of these scopes, for problems */
    push_text_t who;        /* whose rate counts (PushPublisherRate), and whose
                               idempotency keys these are: those of different
                               ones never meet; empty: no such rate, and the
                               keys of a POST without a token */
    apr_pool_t *pool;       /* of problems and texts */
    bool in_order; /* one that has to wait (429, 503, a busy key) keeps back
                      those behind it, which get its problem */
} push_injector_t;

/* One message, and what came of it. */
typedef struct push_injected_t {
    push_text_t line; /* one of NDJSON (line.h), borrowed; empty: asked is the
                         message, which the caller has checked */
    push_text_t key;  /* the idempotency key of a line that gives none; empty:
                         it has none then */
    push_publication_t asked;
    push_answer_t answer;          /* if it was published */
    const push_problem_t *problem; /* why it was not; NULL: it was */
} push_injected_t;

/*
 * Publishes count messages in this order, and waits once until all are as safe
 * as PushDurability says.  Each one's outcome is in it then; one that is
 * refused keeps no other one back.  Returns how many were published.  Any
 * thread of a process that has reactors; may block for seconds, as the broker
 * does.
 */
size_t push_inject(const push_injector_t *injector, push_injected_t *messages,
                   size_t count);

#endif
