#ifndef SIM_H
#define SIM_H

#include <stdio.h>

#include "simulation/faults.h"
#include "simulation/parts.h"
#include "unit/core_suite.h"

/*
 * A server of two processes, a few clients and a publisher, and between them a
 * network that drops, delays, repeats and cuts.  The server is the module's
 * own broker, store and stream set, without httpd and without threads; its
 * clock and its connections are ours.  Nothing here is random but the
 * schedule, and that follows from its seed:
 *
 *   schedule.c   the steps of a seed; the shortest that still fails
 *   steps.c      what each step does, and the end, when all faults are over
 *   network.c    requests and answers on their way
 *   server.c     the processes, and what they are asked for
 *   upkeep.c     what the server does by itself, and what is done to it
 *   link.c       streams: a transport over memory, in the place of tcp.c
 *   migrant.c    streams that move, in the place of migration.c
 *   probe.c      stands between the module's parts: the clock, what is sent,
 *                and the rules that are broken on purpose
 *   publish.c    what is published, and what becomes of it
 *   client.c     the pure parts of the C SDK, used as its client uses them
 *   story.c      the lines for tests/checker, and its judgement
 *   faults.h     the rules that can be broken, to see that this is found
 */

typedef struct sim_client_t sim_client_t;

typedef struct sim_t {
    uint64_t seed;
    sim_fault_t fault;
    uint32_t window;   /* PushMaxInFlight, and the SDKs know it */
    uint64_t seq_base; /* new sessions have been running that long */
    uint32_t position; /* lanes begin here */
    bool picky;        /* clients want urgent messages only, until the end */
    bool plain;        /* the last client shows its cursor without a mid */
    bool implicit;     /* the first client does not acknowledge */

    push_time_t now;
    push_limits_t limits;
    push_store_t *store; /* any of them */
    sim_child_t children[SIM_CHILDREN];
    unsigned at_work;                   /* the child whose reactor runs */
    push_migrant_t migrants[SIM_LINKS]; /* on their way to another */
    int migrants_to[SIM_LINKS];         /* seats */
    int migrants_count;
    push_stream_ref_t tickets[SIM_CLIENTS]; /* of the newest stream, */
    bool known[SIM_CLIENTS];                /* if there is a context */
    unsigned lives[SIM_CLIENTS]; /* contexts that a client has had so far */
    bool strangers[SIM_CLIENTS]; /* what this life has lost nobody counts */
    uint64_t sent[SIM_CLIENTS][SIM_SEQS]; /* the mid that went as a seq */
    uint32_t flushes;
    uint32_t fail_at; /* which allocation fails; 0: none */
    bool short_sent;  /* one failed where a stream was about to write */

    sim_link_t links[SIM_LINKS];
    uint32_t conns;
    sim_packet_t packets[SIM_PACKETS];
    unsigned packets_count;

    sim_client_t *clients[SIM_CLIENTS];
    sim_publish_t publishes[SIM_PUBLISHES];
    int published;

    FILE *story; /* the lines of the checker */
    char *story_text;
    size_t story_len;
    uint64_t stamps;
    unsigned violations; /* of what the checker does not judge */
    FILE *said;          /* borrowed: what is wrong */
    bool shown;          /* and the whole story before it */
} sim_t;

#endif
