#include "stream/transport/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream/transport/socket.h"

/* The plain text of a full record (RFC 8446, section 5.1). */
#define RECORD 16384u

/* Pieces, one behind the other, in records. */
typedef struct {
    char bytes[RECORD];
    size_t used;
    size_t taken; /* bytes that the connection took before */
} record_t;

typedef enum { SENT, KEPT, BROKEN } sent_t;

static sent_t keep(push_link_t *link, const record_t *record)
{
    char *rest = malloc(record->used);

    if (!rest) {
        return BROKEN;
    }
    memcpy(rest, record->bytes, record->used);
    link->rest = rest;
    link->rest_len = (uint32_t)record->used;
    return KEPT;
}

/* A record that could not be sent whole must be written again unchanged. */
static sent_t send_record(push_link_t *link, record_t *record)
{
    size_t written = 0;
    sent_t sent = SENT;

    if (!record->used) {
        return SENT;
    }
    ERR_clear_error();
    if (!SSL_write_ex(link->ssl, record->bytes, record->used, &written)) {
        int error = SSL_get_error(link->ssl, 0);

        sent = error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ
                   ? keep(link, record)
                   : BROKEN;
    }
    record->taken += record->used;
    record->used = 0;
    return sent;
}

/* Moves bytes of the pieces into the record; false behind the last. */
static bool fill(record_t *record, const struct iovec *pieces, unsigned count,
                 unsigned *piece, size_t *offset)
{
    while (*piece < count && record->used < RECORD) {
        size_t left = pieces[*piece].iov_len - *offset;
        size_t room = RECORD - record->used;
        size_t len = left < room ? left : room;

        memcpy(record->bytes + record->used,
               (const char *)pieces[*piece].iov_base + *offset, len);
        record->used += len;
        *offset += len;
        if (*offset == pieces[*piece].iov_len) {
            (*piece)++;
            *offset = 0;
        }
    }
    return record->used != 0;
}

static ssize_t send_records(push_link_t *link, const struct iovec *pieces,
                            unsigned count)
{
    record_t record = {.used = 0, .taken = 0};
    unsigned piece = 0;
    size_t offset = 0;

    while (fill(&record, pieces, count, &piece, &offset)) {
        switch (send_record(link, &record)) {
        case SENT:
            break;
        case KEPT:
            return (ssize_t)record.taken;
        case BROKEN:
            return -1;
        }
    }
    return (ssize_t)record.taken;
}

static ssize_t tls_send(push_link_t *link, struct iovec *pieces,
                        unsigned count)
{
    ssize_t sent = send_records(link, pieces, count);

    if (sent > 0) {
        /* A record that was kept is in there, and comes once more. */
        link->bytes += (uint64_t)sent - (link->rest ? link->rest_len : 0);
    }
    return sent;
}

static bool has_sent_more(const push_link_t *link)
{
    char next;

    return recv(link->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/*
 * Without SSL_MODE_AUTO_RETRY each call reads one record at most, so that
 * those without data (KeyUpdate) are counted too; but it may want to read
 * although something is there.
 */
static bool tls_peer_left(push_link_t *link)
{
    char ignored[4096];
    size_t got;

    for (unsigned i = 0; i < PUSH_PEER_READS; i++) {
        int error;

        ERR_clear_error();
        if (SSL_read_ex(link->ssl, ignored, sizeof(ignored), &got)) {
            continue;
        }
        error = SSL_get_error(link->ssl, 0);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            return true;
        }
        if (error == SSL_ERROR_WANT_WRITE || !has_sent_more(link)) {
            return false;
        }
    }
    return true;
}

static ssize_t tls_receive(push_link_t *link, char *bytes, size_t count)
{
    size_t got;

    for (unsigned i = 0; i < PUSH_PEER_READS; i++) {
        int error;

        ERR_clear_error();
        if (SSL_read_ex(link->ssl, bytes, count, &got)) {
            return (ssize_t)got;
        }
        error = SSL_get_error(link->ssl, 0);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            return -1;
        }
        if (error == SSL_ERROR_WANT_WRITE || !has_sent_more(link)) {
            return 0;
        }
    }
    return -1;
}

static void tls_close(push_link_t *link)
{
    ERR_clear_error();
    if (!link->rest) {
        SSL_shutdown(link->ssl);
    }
    SSL_free(link->ssl);
    link->ssl = NULL;
    close(link->fd);
}

const push_transport_t push_transport_tls = {.name = "tls",
                                             .moves = false,
                                             .send = tls_send,
                                             .peer_left = tls_peer_left,
                                             .receive = tls_receive,
                                             .watch = push_socket_watch,
                                             .arrived = push_socket_arrived,
                                             .close = tls_close};
