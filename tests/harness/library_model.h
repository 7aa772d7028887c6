/*
 * The rules of the function library, for one partition of one master, in
 * plain C: what each call answers and what it leaves. Ticks, times and numbers
 * of entries are predicted exactly. The caller moves the clock.
 */
#ifndef HARNESS_LIBRARY_MODEL_H
#define HARNESS_LIBRARY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "library_model_sizes.h"

struct model_member {
    uint64_t tick;
    int64_t expires;  /* 0: a mark */
    unsigned record;  /* its number */
    uint32_t dropped; /* of a mark */
    int64_t until;    /* likewise */
};

/* A key with expires 0 is not there, as is a lane without members. */
struct model_lane {
    unsigned count;
    struct model_member members[MODEL_MEMBERS];
    int64_t expires;
};

/* Its number is the Topic; there are as many as there may be. */
struct model_topic {
    uint64_t tick; /* 0: not in the index */
    unsigned lane;
    int64_t expires;
};

struct model_follower {
    unsigned owner; /* 0: nobody */
    uint32_t connected, subscribers;
};

struct model_device {
    bool known;
    unsigned owner;
    bool online, exact;
    uint32_t fence;
    int64_t left, until;
    unsigned record, session; /* numbers; 0: empty */
};

/* What the server subscribes a user to. */
struct model_tag {
    unsigned channel; /* from 1 to MODEL_TAGS */
    uint64_t since;
};

struct model_log {
    struct model_lane lanes[4];
    struct model_topic topics[MODEL_TOPICS];
    int64_t topics_expire;
    struct model_follower followers[MODEL_OWNERS]; /* in their order */
    struct model_device devices[MODEL_DEVICES];
    int64_t devices_expire;
    int64_t full_at;                   /* of its rate, µs */
    struct model_tag tags[MODEL_TAGS]; /* as they came */
    unsigned tags_count;
};

/* Of an inbox, or of a log that is read. */
struct model_entry {
    char kind;
    unsigned log, lane;
    uint64_t tick, recalled; /* recalled: the tick of what was */
    struct model_member member;
    unsigned device;
    uint32_t fence;
    unsigned owner;
    bool exact;
    unsigned record, session;
    struct model_tag tags[MODEL_TAGS];
    unsigned tags_count;
};

struct model_entries {
    unsigned count;
    struct model_entry list[MODEL_QUEUE];
};

struct model_inbox {
    bool exists, lost;
    int64_t seen;
    uint64_t first;
    struct model_entries queue;
};

struct model_key {
    unsigned request; /* 0: not known */
    uint64_t tick;
    uint32_t recipients, connected;
    int64_t expires;
    bool later;
};

struct model_recall {
    uint64_t tick, recalled;
    unsigned log;
};

/* What is kept for later, or was. */
struct model_later {
    uint64_t id;    /* 0: there is none */
    unsigned state; /* push_later_state_t */
    int64_t at, ttl, window;
    int64_t look; /* when to publish or to forget it */
    uint64_t message;
    unsigned log, topic, record;
    unsigned taker; /* of this VM: to whom it was given; 0: to nobody */
    int64_t taken;
};

struct model {
    /* ---- what is in keys, and so at replicas ---- */
    uint64_t ceiling_key;
    bool has_epoch;
    struct model_log logs[MODEL_LOGS];
    struct model_key keys[MODEL_KEYS];
    struct model_recall recalls[MODEL_RECALLS];
    unsigned recalls_count;
    int64_t recalls_expire;
    struct model_later laters[MODEL_LATERS];
    int64_t laters_expire;
    /* ---- of this VM ---- */
    int64_t now, began;
    uint64_t last, ceiling; /* last 0: not read yet */
    struct model_inbox inboxes[MODEL_OWNERS];
};

/* Owners are 1 to MODEL_OWNERS; logs below 2 are users'. */
struct model *model_create(int64_t now);
void model_clock(struct model *m, int64_t now);
/* The library was loaded anew. */
void model_load(struct model *m);

#endif
