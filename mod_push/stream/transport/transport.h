#ifndef PUSH_TRANSPORT_H
#define PUSH_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * A transport takes a stream's bytes: a table of functions on a link, which is
 * the connection as they know it; one thread has it at a time.
 */

typedef struct push_transport_t push_transport_t;

typedef struct push_link_t {
    struct ssl_st *ssl; /* NULL: plain TCP, or a socket pair */
    char *rest;         /* bytes, no message, that must be written first */
    uint64_t bytes;     /* sent */
    int fd;             /* -1: there is no connection */
    uint32_t rest_len;
} push_link_t;

struct push_transport_t {
    const char *name;
    bool moves; /* a stream on it can go on in another process */

    /*
     * Sends the pieces.  Returns how many bytes were taken, 0 if none can be
     * now, -1 if the connection is broken.  Bytes that were taken and could
     * not be sent yet are in link->rest.
     */
    ssize_t (*send)(push_link_t *link, struct iovec *pieces, unsigned count);

    /*
     * Reads what the peer sends, which nobody wants; true if it has left.  So
     * has one that sends faster than PUSH_PEER_READS can read: it would keep
     * the reactor from all others.
     */
    bool (*peer_left)(push_link_t *link);

    /*
     * Reads what the peer sends, at most so many bytes; 0: nothing is there
     * now; -1: it has left, or the connection is broken.
     */
    ssize_t (*receive)(push_link_t *link, char *bytes, size_t count);

    /* From here on epoll tells what happens on it, as data.  False: no. */
    bool (*watch)(const push_link_t *link, int epoll, uint32_t data);

    /*
     * Of link->bytes, those that the client's TCP has acknowledged or, of a
     * socket pair, that its reader took; rather less than more.
     */
    uint64_t (*arrived)(const push_link_t *link);

    /* Lets go of the connection, and of what it keeps for it. */
    void (*close)(push_link_t *link);
};

/* Of up to 4 KiB, or a TLS record, each. */
#define PUSH_PEER_READS 64u

#endif
