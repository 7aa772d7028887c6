/*
 * The calls of the model, and what they answer.
 */
#ifndef HARNESS_LIBRARY_MODEL_CALLS_H
#define HARNESS_LIBRARY_MODEL_CALLS_H

#include "library_model.h"

struct model_publish {
    unsigned log, lane;
    int64_t ttl;
    unsigned record, cap;
    unsigned topic;  /* from 1; 0: none */
    unsigned device; /* from 1, the number of its id; 0: all */
    unsigned key;    /* from 1; 0: none */
    unsigned request;
    int64_t window;
    unsigned rate; /* a divisor of 1000000; 0: none */
};

struct model_published {
    unsigned outcome; /* as push_published_t */
    uint64_t tick;
    uint32_t recipients, connected, remaining;
    int64_t wait_us;
    bool later; /* tick is that of what is kept */
};

struct model_published model_publish(struct model *m,
                                     const struct model_publish *call);
bool model_recall(struct model *m, unsigned log, uint64_t tick);

struct model_schedule {
    unsigned log;
    int64_t ttl, after, window;
    unsigned record;
    unsigned topic; /* from 1; 0: none */
    unsigned key;   /* from 1; 0: none */
    unsigned request;
};

struct model_published model_schedule(struct model *m,
                                      const struct model_schedule *call);

/* What an owner is given, in the order of its time. */
struct model_due {
    unsigned looked, count;
    struct model_later *list[MODEL_LATERS];
};

void model_due(struct model *m, unsigned owner, struct model_due *due);
/* The outcome is 5 where it is over, or not due. */
struct model_published model_release(struct model *m, uint64_t id,
                                     const struct model_publish *call);
/* As push_unscheduled_t. */
unsigned model_unschedule(struct model *m, uint64_t id);
struct model_later *model_find_later(struct model *m, uint64_t id);
bool model_has_laters(const struct model *m);

struct model_followed {
    uint64_t version;
    bool whole;
    struct model_entries entries;
};

struct model_follow {
    unsigned log, owner;
    uint32_t connected, subscribers;
    uint64_t since;
};

void model_follow(struct model *m, const struct model_follow *call,
                  struct model_followed *followed);
bool model_unfollow(struct model *m, unsigned log, unsigned owner);

struct model_tagging {
    unsigned log, channel;
    bool subscribe;
    uint64_t since;
    unsigned most;
};

/* As push_tagged_t. */
unsigned model_tag(struct model *m, const struct model_tagging *call);

struct model_drained {
    bool lost;
    uint64_t first, last;
    struct model_entries entries;
};

void model_drain(struct model *m, unsigned owner, uint64_t have,
                 struct model_drained *drained);

struct model_claim {
    struct model_follow follow; /* the user's log, and who claims */
    unsigned device;
    int64_t keep;
    bool force, known;
    unsigned max_devices, max_streams;
};

struct model_claimed {
    unsigned outcome; /* as push_claimed_t */
    uint32_t fence;
    bool exact;
    unsigned record, session, owner;
    struct model_followed followed;
};

void model_claim(struct model *m, const struct model_claim *call,
                 struct model_claimed *claimed);

struct model_write {
    unsigned log, device, owner;
    uint32_t fence;
    int64_t keep;
    bool online;        /* of a save */
    unsigned to;        /* of a yield */
    bool absent, exact; /* likewise */
    unsigned record, session;
};

struct model_wrote {
    unsigned outcome; /* as push_saved_t */
    unsigned owner;
    uint32_t fence;
};

struct model_wrote model_save(struct model *m, const struct model_write *call);
struct model_wrote model_yield(struct model *m,
                               const struct model_write *call);

#endif
