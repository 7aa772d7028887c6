#ifndef STORE_CRASH_PART_H
#define STORE_CRASH_PART_H

#include "store_crash.h"

/* What store_crash.c and store_crash_after.c have in common. */

/* Which devices there are, and who reaches them. */
enum { A1, A2, B1, FULL, TOPICS, LATE, KEYED, SPARE };

#define BIT(device) (1u << (device))
#define TO_A        (BIT(A1) | BIT(A2))
#define TO_CHANNEL  (BIT(A2) | BIT(B1) | BIT(LATE))
#define TO_ALL      255u

/* crash_journal_t later_kept; 0: nobody was told. */
#define LATER_KEPT  1u
#define LATER_ENDED 2u

/* ms */
#define RETENTION 20000
#define WINDOW    20000

/* The name with the number of the process, in one of a few buffers. */
const char *crash_name(const crash_journal_t *j, const char *text);

/* All devices come, from the seat of this process. */
void crash_arrive(fixture_t *g, crash_journal_t *j,
                  push_stream_ref_t *stream_refs);

/* One flush; what was collected counts as received.  How many it was. */
unsigned crash_flush(fixture_t *g, crash_journal_t *j, unsigned device,
                     const push_stream_ref_t *stream_ref);

push_status_t crash_acknowledge(fixture_t *g, crash_journal_t *j,
                                unsigned device,
                                const push_stream_ref_t *stream_ref);

/* To a user, or to the channel. */
void crash_say(fixture_t *g, crash_journal_t *j, const char *user,
               unsigned bits, push_urgency_t urgency);
void crash_cast(fixture_t *g, crash_journal_t *j, push_urgency_t urgency);

push_claim_t crash_key(const fixture_t *g, const crash_journal_t *journal,
                       uint32_t number);
push_status_t crash_claim(fixture_t *g, crash_journal_t *j, uint32_t number,
                          push_audience_t *audience);
void crash_publish_keyed(fixture_t *g, crash_journal_t *j, uint32_t number);

/* Something for later, another thing each round. */
void crash_keep(fixture_t *g, crash_journal_t *j, int round);

/* A user is subscribed to channels, and no more; the second behind a death. */
void crash_assign(fixture_t *g, crash_journal_t *j);
void crash_unassign(fixture_t *g, const crash_journal_t *j);

/* A device received it. */
void crash_came(crash_journal_t *j, unsigned number, uint64_t mid);

/* The time of a journal, unless others share it: then it stands. */
void crash_pass(fixture_t *g, crash_journal_t *j, int64_t ms);

#endif
