#ifndef CS_JUDGE_H
#define CS_JUDGE_H

#include <stdio.h>

#include "core/types.h"

/*
 * What was published and acknowledged, and whether the promises of
 * docs/cluster.md held: each that did not is a line on out, "rule: …".
 *
 *   foreign    a device gets what nobody published for it
 *   order      on one stream seqs rise, and mids in each lane of a log
 *   twice      a message comes again on the stream that it came on
 *   again      one that was acknowledged comes again, though nothing died
 *   lost       what was accepted never comes, and no gap says so
 *   unequal    nodes that are well differ in a log
 *   fence      two lives of nodes write a device by the same fence
 *   stuck      the cluster does not come to rest
 */

#define CS_CLIENTS   4 /* client i: device i / 2 of user i % 2 */
#define CS_PUBLISHES 96

typedef struct cs_publish_t {
    unsigned log;
    int device; /* of the user; -1: all */
    push_urgency_t urgency;
    int64_t ttl;    /* ms */
    unsigned topic; /* 0: none */
    bool keyed;
    bool under_way; /* a request that has no answer */
    bool told;      /* the publisher has a 2xx */
    /* ---- the truth ---- */
    uint64_t mid; /* 0: not stored */
    int64_t at, expires;
    bool ended; /* replaced, recalled: nobody has to get it */
    bool recalled;
    unsigned by; /* which one has replaced it, + 1; 0: none */
    struct {
        bool owed, delivered, excused;
        int64_t acked; /* 0: never, or that may be forgotten */
        uint32_t conn; /* of the newest stream on which it came */
    } of[CS_CLIENTS];
} cs_publish_t;

void cs_judge_reset(FILE *out, bool shown);
unsigned cs_judge_violations(void);

/* Something is wrong: the rule, and what. */
void cs_violation(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* A line of the story, if that is shown. */
void cs_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- publishes ---- */

/* A new one, or NULL: there were enough. */
cs_publish_t *cs_publish_add(void);
cs_publish_t *cs_publish_at(unsigned index);
unsigned cs_publishes(void);
unsigned cs_publish_index(const cs_publish_t *p);

/* ---- the engine tells ---- */

void cs_judge_stored(unsigned log, push_text_t record, uint64_t mid);
void cs_judge_recalled(uint64_t mid);

/* A claim; forced: from an owner that did not give it up. */
void cs_judge_claimed(unsigned log, unsigned context, bool forced);
void cs_judge_saved(unsigned log, unsigned context, int node, uint32_t fence);

/* ---- the faults tell ---- */

/* Writes of the last ms at a master are lost; what it does not have is. */
void cs_judge_tail_lost(unsigned master, bool commits);

/* A node is about to die, with what it has not written yet of its devices. */
void cs_judge_dies(int node);

/* A device comes of which Redis knows nothing. */
void cs_judge_began(unsigned log, unsigned context);

/* A node is gone, with devices that it may not have written yet. */
void cs_judge_not_written(bool commits);

/* All is. */
void cs_judge_flushed(unsigned master);

/* ---- clients tell ---- */

/* It exists, as the context of this number. */
void cs_judge_came(int client);
void cs_judge_received(int client, uint32_t conn, uint64_t mid);
void cs_judge_acked(int client, unsigned publish, int64_t at);
void cs_judge_gap(int client, uint32_t dropped);

/* ---- the end ---- */

void cs_judge_end(void);

#endif
