#ifndef PUSH_BROKER_H
#define PUSH_BROKER_H

#include "core/assigned.h"
#include "core/checkin.h"
#include "core/facts.h"
#include "core/publication.h"
#include "core/rate.h"
#include "core/report.h"
#include "core/whole.h"
#include "store/shm/clock.h"

/*
 * A broker has the messages and the devices.  The HTTP side asks it by this
 * table of functions, chosen once at start, so that one binary serves alone or
 * as one of several.  How messages get from there into streams is no concern
 * of it: that stays in this machine's shared memory.
 *
 * Any thread may call, and each call may block, for a few seconds at most.
 * Whatever else a call says, it may give PUSH_BUSY: it was not done in good
 * time, nothing was changed, the same may be tried again; and PUSH_NO_STATE:
 * what has to be kept cannot be kept now.  Texts are borrowed for the call.
 */
typedef struct push_broker_t push_broker_t;

struct push_broker_t {
    void *data;                  /* the implementation's own */
    const unsigned char *secret; /* 32 bytes; seals tickets */
    push_counts_t *counts;       /* shared by all threads of the process */
    bool paces;                  /* publish() sees to publication->rate */

    /* ---- messages ---- */

    /*
     * Begins to publish, unless its key was answered before.  After PUSH_OK
     * settle() follows, with the same commit; until then the receipt is not
     * final, and the answer may be moved.  One commit may be that of many
     * publications.  It is not published: PUSH_NO_MEMORY, PUSH_MAILBOX_FULL,
     * PUSH_KEY_REUSED, PUSH_KEY_BUSY, where it paces PUSH_LIMITED.
     */
    push_status_t (*publish)(push_broker_t *broker,
                             push_publication_t *publication,
                             push_commit_t *commit, push_answer_t *answer);

    /*
     * Waits for all that was begun with the commit.  Then the receipt is what
     * came of this publication.  PUSH_NO_STATE: it may not be kept; without a
     * key it is recalled, with one a repeated request finds it.  Else as
     * publish(), of what it could not say yet.
     */
    push_status_t (*settle)(push_broker_t *broker, push_commit_t *commit,
                            push_answer_t *answer);

    /*
     * Takes a message back; *recalled counts the devices that will not get it.
     * PUSH_NOT_FOUND, also if for others; PUSH_OVER; PUSH_NO_STATE: unsure.
     */
    push_status_t (*recall)(push_broker_t *broker,
                            const push_sought_t *message,
                            const push_time_t *now, uint32_t *recalled);

    /* ---- devices ---- */

    /*
     * Claims a device for a stream of the reactor at checkin->seat, which
     * takes the stream; an older one of the device ends, wherever that is.
     * *session names the numbering.  Statuses: push_store_checkin().
     */
    push_status_t (*claim)(push_broker_t *broker,
                           const push_checkin_t *checkin,
                           const push_time_t *now,
                           push_stream_ref_t *stream_ref, uint64_t *session);

    /* No reactor has taken the stream.  A no-op if a newer one was claimed. */
    void (*release)(push_broker_t *broker, const push_stream_ref_t *stream_ref,
                    const push_time_t *now);

    /* Acknowledges up to the cursor for the user's device with these labels.
     * PUSH_STALE, PUSH_NOT_FOUND. */
    push_status_t (*ack)(push_broker_t *broker, const push_checkin_t *checkin,
                         const push_time_t *now);
    /* push_store_choose(); PUSH_ALONE: in a cluster. */
    push_status_t (*follow)(push_broker_t *, const push_checkin_t *checkin,
                            const push_time_t *now);

    /* The device id of the user's only context that has a made-up one and this
     * app; device has PUSH_DEVICE_MAX + 1 bytes.  False: there is no such. */
    bool (*only_made_up)(push_broker_t *broker, push_text_t user,
                         push_text_t app, char *device);

    /* ---- users ---- */

    /*
     * Ends all streams of a user that are open now, and counts them.  refuse
     * (mono ms, or 0): until then the user's tokens of before are refused too,
     * and their streams say so.  PUSH_TOO_MANY: no entry is left for it.
     */
    push_status_t (*dismiss)(push_broker_t *broker, push_text_t user,
                             int64_t refuse, uint32_t *streams);
    /* Subscribes users to channels, or no more; each has a status. */
    void (*assign)(push_broker_t *, push_assignment_t *list, unsigned count);
    /* True if a token of the user that was issued then (wall ms) is refused. */
    bool (*revoked)(push_broker_t *broker, push_text_t user, int64_t issued);
    /* Takes one out of the bucket of the name; false if it is empty. */
    bool (*take)(push_broker_t *broker, push_rate_kind_t kind,
                 push_text_t name, uint32_t limit, push_rate_t *rate);
    /* Marks a ticket as used until then (mono ms).  PUSH_OVER: it was. */
    push_status_t (*use)(push_broker_t *broker, push_text_t ticket,
                         int64_t until);
    /* Keeps the newest value of a name until then (mono ms); false: the same
     * was kept.  True where nobody says. */
    bool (*differs)(push_broker_t *broker, push_text_t name, int64_t value,
                    int64_t until);

    const struct push_place_calls_t *places; /* NULL: PushPositions is off */

    /* ---- for administrators; PUSH_NOT_FOUND ---- */
    push_status_t (*view)(push_broker_t *broker, const push_view_t *read_view,
                          const push_visitor_t *visitor);
    /* of: PUSH_OF_*.  PUSH_NOT_FOUND: there is no such node. */
    push_status_t (*whole)(push_broker_t *broker, unsigned of, push_whole_t *);
    /* For `$stats`; false: another node says it. */
    bool (*reading)(push_broker_t *broker, push_reading_t *reading);
    /* This machine's stats but for the messages, which are 0.  No wait. */
    void (*figures)(push_broker_t *broker, push_stats_view_t *figures);
    /* PUSH_NO_MEMORY, PUSH_NOT_FOUND; if not PUSH_OK, nothing was visited. */
    push_status_t (*report)(push_broker_t *broker,
                            const push_report_query_t *query,
                            push_report_visit_t *visit, void *data);
    void (*health)(push_broker_t *broker, push_health_t *health);
    /* How many parts of what is shared have a lock that is stuck. */
    unsigned (*stuck)(push_broker_t *broker);
    void (*metrics)(push_broker_t *broker, push_metrics_t *metrics);

    /*
     * What is known that may explain why a message has not arrived, or why a
     * device hears nothing: for each device that is asked about, at most
     * PUSH_DEVICES_MAX, and at least one, not known, if there is none.
     * PUSH_NOT_FOUND: the message is for another audience.
     */
    push_status_t (*explain)(push_broker_t *broker,
                             const push_question_t *question,
                             push_facts_t *facts, unsigned *count);
    /* Of this machine; costs time and memory. */
    void (*check)(push_broker_t *broker, push_check_t *check);
    /* As this machine sees it; false: it is alone. */
    bool (*cluster)(push_broker_t *broker, push_cluster_view_t *view);
};
#endif
