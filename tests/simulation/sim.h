#ifndef SIM_H
#define SIM_H

#include <stdio.h>

#include "core/idempotency.h"
#include "simulation/faults.h"
#include "unit/core_suite.h"
#include "unit/core_world.h"

/*
 * One server, a few clients and a publisher, and between them a network that
 * drops, delays, repeats and cuts.  Nothing here is random but the schedule,
 * and that follows from its seed:
 *
 *   schedule.c   the steps of a seed; the shortest that still fails
 *   steps.c      what each step does, and the end, when all faults are over
 *   network.c    requests and answers on their way
 *   server.c     the core, used as store/ and stream/ use it
 *   flush.c      its streams
 *   publish.c    what is published, and what becomes of it
 *   client.c     the pure parts of the C SDK, used as its client uses them
 *   story.c      the lines for tests/checker, and its judgement
 *   faults.h     the rules that can be broken, to see that this is found
 */

#define SIM_CLIENTS                                                           \
    4 /* client i: device i / SIM_USERS of user i % SIM_USERS */
#define SIM_USERS     2
#define SIM_CHANNELS  2
#define SIM_PUBLISHES 160
#define SIM_PACKETS   64
#define SIM_LINKS     16
#define SIM_SEQS      512u /* more than can be on their way to one client */
#define SIM_CURSOR    64
#define SIM_KEY_MS    300000

typedef struct sim_client_t sim_client_t;

/* A stream as the server and the network hold it. */
typedef struct sim_link_t {
    bool used;
    int client;
    uint32_t conn; /* the number of the attempt; also the stream's gen */
    unsigned life; /* of the context, see sim_t */
    bool closed;   /* by the server, after what is still on its way */
    bool gone;     /* the client has left; nobody reads */
    bool head;     /* the client saw that it is open */
    char *bytes;   /* on their way, from at on */
    size_t at, len, room;
    char *rest; /* of what was begun and not taken by the socket */
    size_t rest_len;
    push_ref_t part;          /* the message that it is of, held */
    uint32_t flush[SIM_SEQS]; /* in which flush a seq was sent */
} sim_link_t;

typedef enum sim_kind_t {
    SIM_CONNECT,
    SIM_ACK,
    SIM_ACKED, /* answer */
    SIM_PUBLISH,
    SIM_PUBLISHED /* answer */
} sim_kind_t;

/* A request or an answer on its way. */
typedef struct sim_packet_t {
    sim_kind_t kind;
    int who;                 /* a client, or which publish */
    unsigned process;        /* of the client that sent it */
    uint32_t conn;           /* CONNECT: the attempt; ACK: the stream */
    char cursor[SIM_CURSOR]; /* empty for none */
    push_status_t status;    /* of an answer */
    push_urgency_t lowest;   /* CONNECT: the lowest urgency wanted */
    int64_t sent;            /* mono ms */
} sim_packet_t;

/* A publish: what was asked for, and what is known of it. */
typedef struct sim_publish_t {
    push_log_kind_t kind;
    int to;     /* user or channel */
    int device; /* of the user, or -1 */
    push_urgency_t urgency;
    int64_t ttl; /* ms */
    int topic;   /* 0: none */
    bool keyed;
    bool receipt;
    char *data; /* begins with its number */
    uint32_t len;
    uint64_t mid;     /* 0: not accepted */
    double at;        /* when it was accepted */
    bool told;        /* the publisher has the answer */
    int64_t expires;  /* mono ms */
    push_fate_t fate; /* PUSH_LIVE, or how it ended for all */
    struct {
        unsigned life;         /* of the context when it was accepted */
        bool owed;             /* the device was one of its audience then */
        push_fate_t fate;      /* PUSH_LIVE, EVICTED or REFUSED */
        unsigned received_in;  /* life of the context then */
        unsigned delivered_by; /* the process, or 0 */
    } of[SIM_CLIENTS];
} sim_publish_t;

typedef struct sim_t {
    uint64_t seed;
    sim_fault_t fault;
    uint32_t window;   /* PushMaxInFlight, and the SDKs know it */
    uint64_t seq_base; /* new sessions have been running that long */
    uint32_t position; /* lanes begin here */
    bool picky;        /* clients want urgent messages only, until the end */
    bool plain;        /* the last client shows its cursor without a mid */
    bool implicit;     /* the first client does not acknowledge */

    world_t w;
    push_user_t *users[SIM_USERS];
    push_channel_t *channels[SIM_CHANNELS];
    push_device_t *devices[SIM_CLIENTS]; /* NULL: not known */
    unsigned lives[SIM_CLIENTS]; /* contexts that a client has had so far */
    uint64_t sent[SIM_CLIENTS][SIM_SEQS]; /* the mid that went as a seq */
    push_key_t keys[SIM_PUBLISHES];
    uint32_t flushes;

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
