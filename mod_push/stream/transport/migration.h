#ifndef PUSH_MIGRATION_H
#define PUSH_MIGRATION_H

#include "core/checkin.h"

/*
 * A stream on its way from one reactor to another, in another process mostly:
 * its socket as SCM_RIGHTS (unix(7)), and the little that is not in shared
 * memory.
 */

/* The answer of a poll that found nothing; of malloc(). */
typedef struct push_last_t {
    size_t len;
    char bytes[];
} push_last_t;

/* A socket that is to become a stream: taken. */
typedef struct push_adoption_t {
    int fd;
    push_stream_ref_t stream_ref;
    uint32_t heartbeat; /* ms */
    bool event_beats;
    uint8_t meta;       /* PUSH_META_* */
    bool bridged;       /* the other end is a worker's; it cannot move */
    bool poll;          /* it ends with its first answer; it cannot move */
    uint8_t codec;      /* PUSH_CODEC_*; verbatim has a last answer */
    int64_t expires;    /* mono ms; the stream ends then; 0: never */
    push_last_t *last;  /* of a poll; NULL: the codec's; else likewise taken */
    struct ssl_st *ssl; /* NULL: plain TCP; else taken, and cannot move */
} push_adoption_t;

#define PUSH_REST_MAX 2048u

typedef struct push_migrant_t {
    push_adoption_t adoption;
    uint32_t reserved; /* of a new one: the seat where it is reserved */
    push_ref_t part;   /* as in push_stream_t */
    uint32_t part_at;
    uint64_t part_seq;
    uint64_t bytes;
    uint64_t opened; /* mono ms */
    uint32_t messages;
    uint32_t rest_len;
    char rest[PUSH_REST_MAX];
} push_migrant_t;

/* A number that another layout of such a message would not give. */
uint64_t push_migration_layout(void);

/* A socket pair for one reactor: others send to [1], it receives from [0]. */
bool push_migration_open(int sockets[2]);

/* False if the socket takes no more now.  The descriptor stays open here. */
bool push_migration_send(int socket, const push_migrant_t *migrant);

/* False if none is waiting. */
bool push_migration_receive(int socket, push_migrant_t *migrant);

#endif
