#ifndef STORE_SHARED_H
#define STORE_SHARED_H

#include <sys/types.h>

#include "core/families.h"
#include "store/ops/checkin.h"
#include "store/ops/move.h"
#include "store/ops/delivery.h"
#include "store/ops/publish.h"

/*
 * A store in real shared memory, and processes beside the test's own.  A
 * child fails by ending with another status than 0.
 */

#define FIXTURE_SEATS 8

typedef struct fixture_t {
    push_store_t store;
    void *base;
    size_t size;
    int events[FIXTURE_SEATS];
    push_time_t now;
    push_receipt_t receipt; /* of the last publish */
    push_delivery_t delivery;
    bool traced;     /* all that checks in from here on */
    char text[8192]; /* of the last fixture_flush() */
} fixture_t;

void fixture_init(fixture_t *fixture, size_t size);
void fixture_cleanup(fixture_t *fixture);

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
                            const push_message_spec_t *spec,
                            const push_time_t *now, push_receipt_t *receipt);

/* The claim of a request to the user "u" with a key. */
push_claim_t claim_of(const push_store_t *store, const char *key,
                      uint64_t request);

/* A message by its mid alone. */
#define SOUGHT(id) (&(push_sought_t){.mid = (id)})

push_status_t fixture_publish(fixture_t *fixture, push_log_kind_t kind,
                              const char *name, const char *text,
                              push_urgency_t urgency);

/* A stream of user/device opens on seat 0; may fail. */
push_status_t fixture_checkin(fixture_t *fixture, const char *user,
                              const char *device, const char *channel,
                              push_stream_ref_t *stream_ref);

/* The same with the client's cursor. */
push_status_t fixture_resume(fixture_t *fixture, const char *user,
                             const char *device, const push_cursor_t *cursor,
                             push_stream_ref_t *stream_ref);

/* The same of a request that waited for so many ms before it was read. */
push_status_t fixture_checkin_late(fixture_t *fixture, const char *user,
                                   const char *device, uint32_t waited,
                                   push_stream_ref_t *stream_ref);

/* The same unless another one has it. */
push_status_t fixture_checkin_if_away(fixture_t *fixture, const char *user,
                                      const char *device,
                                      push_stream_ref_t *stream_ref);

/* What is sent now: "!low:3 1=text 2=text"; NULL if it is stale. */
const char *fixture_flush(fixture_t *fixture,
                          const push_stream_ref_t *stream_ref);

push_status_t fixture_ack(fixture_t *fixture, const char *user,
                          const push_stream_ref_t *stream_ref, uint64_t seq);

void fixture_pass(fixture_t *fixture, int64_t ms);

/* What all processes have counted. */
uint64_t fixture_count(const fixture_t *fixture, push_total_t what);

/* Something of this class happens, so often, in the shard of its number. */
void fixture_happens(fixture_t *fixture, unsigned class,
                     push_tally_kind_t what, uint32_t more);

/* So many messages were written by the reactor of the seat, up to seq. */
void fixture_written(fixture_t *fixture, const push_stream_ref_t *stream_ref,
                     unsigned seat, unsigned messages, uint64_t seq);

#endif
