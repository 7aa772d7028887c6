#ifndef SIM_PARTS_H
#define SIM_PARTS_H

#include "broker/local.h"
#include "store/shm/reports.h"
#include "store/shard/store.h"
#include "stream/loop/stream_set.h"

/* What a simulation is made of; see sim.h. */

#define SIM_CLIENTS                                                           \
    4 /* client i: device i / SIM_USERS of user i % SIM_USERS */
#define SIM_USERS    2
#define SIM_CHILDREN 2 /* processes of the server */
#define SIM_SEATS    4u
/* Beside what is counted and what went, which no pressure changes. */
#define SIM_MEMORY                                                            \
    (((size_t)1 << 20)                                                        \
     + PUSH_SHARDS                                                            \
           * (sizeof(push_counts_t) + sizeof(push_gone_ring_t)                \
              + sizeof(push_tally_t))                                         \
     + sizeof(push_reports_t) + (48u << 10) /* of rings */                    \
     + SIM_SEATS * sizeof(push_seat_t))
#define SIM_START     1000000 /* mono ms */
#define SIM_CHANNELS  2
#define SIM_PUBLISHES 160
#define SIM_PACKETS   64
#define SIM_LINKS     16
#define SIM_SEQS      512u /* more than can be on their way to one client */
#define SIM_CURSOR    64
#define SIM_HEARTBEAT 25000 /* ms */
#define SIM_KEY_MS    300000

/* A stream as the network holds it. */
typedef struct sim_link_t {
    bool used;
    int client;
    uint32_t conn;  /* the number of the attempt */
    unsigned life;  /* of the context, see sim_t */
    unsigned child; /* whose it is, */
    uint32_t index; /* and which of its streams, */
    bool moving;    /* unless it is on its way to another */
    int ends;       /* descriptors of it that the server has */
    uint32_t gen;
    uint64_t session; /* its head says so */
    bool closed;      /* by the server, after what is still on its way */
    bool gone;        /* the client has left; nobody reads */
    bool starved;     /* the server is to be told when there is room */
    size_t space;     /* bytes that the socket takes */
    char *bytes;      /* on their way, from at on */
    size_t at, len, room;
    uint32_t flush[SIM_SEQS]; /* in which flush a seq was sent */
} sim_link_t;

/* A process of the server, as far as this is one. */
typedef struct sim_child_t {
    push_store_t store;
    push_broker_t broker;
    push_stream_set_t set;
} sim_child_t;

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
    uint32_t conn;           /* CONNECT: the attempt; ACK: the stream, */
    uint64_t session;        /* and its session */
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

#endif
