#ifndef STORE_GROUND_H
#define STORE_GROUND_H

#include <sys/types.h>

#include "store/ops/checkin.h"
#include "store/ops/delivery.h"
#include "store/ops/publish.h"

/*
 * A store in real shared memory, and processes beside the test's own.  A
 * child fails by ending with another status than 0.
 */

#define GROUND_SEATS 8

typedef struct ground_t {
    push_store_t store;
    void *base;
    size_t size;
    int events[GROUND_SEATS];
    push_time_t now;
    push_receipt_t receipt; /* of the last publish */
    push_delivery_t delivery;
    char text[8192]; /* of the last ground_flush() */
} ground_t;

void ground_init(ground_t *ground, size_t size);
void ground_cleanup(ground_t *ground);

/* Memory that children share with the test; zeroed. */
void *shared_memory(size_t size);

/* A child that runs work(data) and ends with what it returns. */
pid_t child_start(int (*work)(void *data), void *data);

/* Waits; the test fails unless the child ended with 0. */
void child_expect(pid_t pid);

/* Kills it and waits. */
void child_kill(pid_t pid);

/* In a child: its end with status 1 unless the condition holds. */
#define CHILD_NEEDS(condition)                                                \
    do {                                                                      \
        if (!(condition)) {                                                   \
            child_fails(#condition, __FILE__, __LINE__);                      \
        }                                                                     \
    } while (0)

_Noreturn void child_fails(const char *what, const char *file, int line);

/* A text as the store takes it; and back, in one of a few static buffers. */
push_text_t named(const char *text);

/* A publish for which nobody waits. */
push_status_t store_publish(push_store_t *store,
                            const push_audience_t *audience,
                            const push_draft_t *draft, const push_time_t *now,
                            push_receipt_t *receipt);

/* The claim of a request with a key. */
push_claim_t claim_of(const char *key, uint64_t request);

push_status_t ground_publish(ground_t *ground, push_log_kind_t kind,
                             const char *name, const char *text,
                             push_urgency_t urgency);

/* A stream of user/device opens on seat 0; may fail. */
push_status_t ground_checkin(ground_t *ground, const char *user,
                             const char *device, const char *channel,
                             push_ticket_t *ticket);

/* The same with the client's cursor. */
push_status_t ground_resume(ground_t *ground, const char *user,
                            const char *device, const push_cursor_t *cursor,
                            push_ticket_t *ticket);

/* What is sent now: "!low:3 1=text 2=text"; NULL if it is stale. */
const char *ground_flush(ground_t *ground, const push_ticket_t *ticket);

push_status_t ground_ack(ground_t *ground, const char *user,
                         const push_ticket_t *ticket, uint64_t seq);

void ground_pass(ground_t *ground, int64_t ms);

/* What all processes have counted. */
uint64_t ground_count(const ground_t *ground, push_count_t what);

#endif
