#ifndef PUSH_REDIS_CLIENT_INTERNAL_H
#define PUSH_REDIS_CLIENT_INTERNAL_H

#include "redis/client.h"
#include "redis/connection.h"
#include "redis/deadlines.h"
#include "redis/request_list.h"
#include "redis/topology.h"

/*
 * What client.c (the client), line.c (its connections), outcome.c (what becomes
 * of a reply) and verdict.c (of a request) share; each asks those behind it
 * alone.  A request is in one list at any time:
 *
 *     fresh ─▶ waiting (no connection yet) ─▶ under_way ─▶ over
 *       ▲  └─▶ lot (replicas) ────────────▶ under_way
 *       └───── parked, library ◀────────────────┘
 */

#define PUSH_LINES 3u /* a master: one, and two for lots */

/* A connection to one master. */
typedef struct push_line_t {
    struct push_client_t *client;
    unsigned master;
    bool lots; /* its commands go in lots, with a WAIT at the end */
    push_connection_t *connection;
    push_request_list_t under_way;
    bool in_lot;       /* the WAIT has no reply yet */
    unsigned replicas; /* that it asks for */
    bool away;         /* the last attempt failed */
    unsigned tries;    /* in vain */
    int64_t again;     /* not to be opened before */
    int64_t opened;    /* 0: not open */
    int64_t used;
} push_line_t;

/* What was reported last, and when. */
typedef struct push_reported_t {
    push_failure_t failure;
    int64_t at;
} push_reported_t;

/* One master. */
typedef struct push_node_t {
    push_line_t lines[PUSH_LINES];
    push_request_list_t waiting, lot, library;
    bool loading;             /* the library */
    push_reported_t reported; /* of its connections */
    push_failure_t refuses;   /* what was reported of its replies */
    int64_t refused;          /* when it did last */
} push_node_t;

struct push_client_t {
    const push_redis_settings_t *settings;
    push_client_hooks_t hooks;
    /* The courier, or NULL; what it gets to know: a request that will be over
     * (its memory may be gone then), and a map that is another one. */
    void *owner;
    void (*leaving)(void *owner, const push_request_t *request);
    void (*moved)(void *owner, const push_slots_t *slots);
    push_topology_t *topology;
    push_slots_t *slots;      /* the topology's */
    int64_t asked;            /* for the map, while a master is away */
    uint32_t version;         /* of them, as reported */
    push_reported_t reported; /* of all nodes */
    bool resolves_itself;
    push_request_list_t fresh, parked, over;
    push_deadlines_t deadlines;
    push_client_figures_t figures;
    push_node_t nodes[PUSH_MASTERS];
    push_line_t *polled[PUSH_CLIENT_FDS];
    unsigned polled_count;
};

/* ---- verdict.c ---- */

/* What a master refused is over when it has not done so again for so long. */
#define PUSH_CALM_MS 10000

/* The request joins those that are over; done() is called later. */
void push_client_end(push_client_t *client, push_request_t *request,
                     push_failure_t failure);

/* It goes out again at its time, if its deadline is not before. */
void push_client_park(push_client_t *client, push_request_t *request,
                      int64_t ms);
void push_client_report(push_client_t *client, push_failure_t failure,
                        const push_address_t *address, const char *text);

/* True if it has to be reported: it begins, is over, or is another one (which
 * is not said more often than every ten seconds). */
bool push_reported_now(push_reported_t *reported, push_failure_t failure);

/* ---- line.c ---- */

void push_line_init(push_line_t *line, push_client_t *client, unsigned master);

/* Opens, closes and sends what is due; from the client's serve alone. */
void push_node_serve(push_client_t *client, unsigned master, int64_t now);
int64_t push_node_until(const push_client_t *client, unsigned master);

/* Takes a request in that is for this master. */
void push_node_take(push_client_t *client, unsigned master,
                    push_request_t *request);

bool push_node_away(const push_node_t *node);

/* ---- outcome.c ---- */

void push_outcome_answered(push_line_t *line, push_request_t *request,
                           push_reply_t *reply);
void push_outcome_dropped(push_line_t *line, push_request_t *request,
                          bool sent);

/* So many replicas have the lot, as its WAIT said; or that was refused. */
void push_outcome_lot(push_line_t *line, unsigned replicated);
void push_outcome_waited(push_line_t *line, push_reply_t *reply);
void push_outcome_loaded(push_client_t *client, unsigned master,
                         push_reply_t *reply);
void push_outcome_late(push_client_t *client, push_request_t *request);

#endif
