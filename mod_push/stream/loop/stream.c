#include "stream/loop/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "store/shard/hold.h"
#include "stream/transport/tls.h"

/* "id: " and up to 20 digits and "." */
#define PREFIX_MAX 28u
/* A message is four pieces: prefix, mid, made-up device, the frame. */
#define PIECES   (PUSH_DELIVERY_MAX * 4u + 1)
#define GAPS_MAX 1024u

const char *push_end_name(push_end_t why)
{
    static const char *const names[] = {"peer",        "error",
                                        "superseded",  "restart",
                                        "shutdown",    "expired-token",
                                        "disconnected"};

    return names[why];
}

/* What one system call is going to write. */
typedef struct {
    struct iovec pieces[PIECES];
    unsigned count;
    size_t bytes;
    char prefixes[PUSH_DELIVERY_MAX][PREFIX_MAX];
    char gaps[GAPS_MAX];
    size_t gaps_len;
    char suffix[PUSH_DEVICE_MAX + 2]; /* "." and the made-up device */
    size_t suffix_len;
} output_t;

static push_ticket_t ticket_of(const push_stream_t *stream)
{
    return (push_ticket_t){.device = stream->device, .gen = stream->gen};
}

static void add_piece(output_t *out, const char *at, size_t len)
{
    out->pieces[out->count++] = (struct iovec){(char *)(uintptr_t)at, len};
    out->bytes += len;
}

/* "id: SEQ." into text; returns its length. */
static size_t write_prefix(char *text, uint64_t seq)
{
    char digits[20];
    size_t count = 0;
    char *at = text;

    do {
        digits[count++] = (char)('0' + seq % 10);
        seq /= 10;
    } while (seq);
    memcpy(at, "id: ", 4);
    at += 4;
    while (count) {
        *at++ = digits[--count];
    }
    *at++ = '.';
    return (size_t)(at - text);
}

static size_t message_size(const output_t *out, uint64_t seq,
                           const push_message_t *message)
{
    char prefix[PREFIX_MAX];

    return write_prefix(prefix, seq) + out->suffix_len
           + push_message_wire(message).len;
}

static void add_message(output_t *out, char *prefix, uint64_t seq,
                        const push_message_t *message)
{
    push_text_t wire = push_message_wire(message);

    add_piece(out, prefix, write_prefix(prefix, seq));
    if (out->suffix_len) {
        add_piece(out, wire.at, PUSH_MID_CHARS);
        add_piece(out, out->suffix, out->suffix_len);
        wire.at += PUSH_MID_CHARS;
        wire.len -= PUSH_MID_CHARS;
    }
    add_piece(out, wire.at, wire.len);
}

static void set_suffix(output_t *out, const char *device)
{
    size_t len = strlen(device);

    out->suffix_len = 0;
    if (len) {
        out->suffix[0] = '.';
        memcpy(out->suffix + 1, device, len);
        out->suffix_len = len + 1;
    }
}

/* Drops the first bytes of the output. */
static void skip_bytes(output_t *out, size_t bytes)
{
    unsigned i = 0;

    out->bytes -= bytes;
    while (i < out->count && bytes >= out->pieces[i].iov_len) {
        bytes -= out->pieces[i++].iov_len;
    }
    out->count -= i;
    memmove(out->pieces, out->pieces + i, out->count * sizeof(struct iovec));
    if (out->count) {
        out->pieces[0].iov_base = (char *)out->pieces[0].iov_base + bytes;
        out->pieces[0].iov_len -= bytes;
    }
}

/* Bytes taken, 0 if the connection takes none, -1 if it is broken. */
static ssize_t send_pieces(push_stream_t *stream, struct iovec *pieces,
                           unsigned count)
{
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    ssize_t sent;

    if (stream->ssl) {
        sent = push_tls_send(stream, pieces, count);
        if (sent > 0) {
            /* A record that was kept is in there, and comes once more. */
            stream->bytes += (uint64_t)sent
                             - (stream->rest ? stream->rest_len : 0);
        }
        return sent;
    }

    do {
        sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
    stream->bytes += (uint64_t)sent;
    return sent;
}

/* Keeps what the socket did not take of a text that is no message. */
static push_flush_t keep_rest(push_stream_t *stream, const char *text,
                              size_t len)
{
    char *rest = malloc(len);

    if (!rest) {
        return PUSH_FLUSH_BROKEN;
    }
    memcpy(rest, text, len);
    free(stream->rest);
    stream->rest = rest;
    stream->rest_len = (uint16_t)len;
    return PUSH_FLUSH_BLOCKED;
}

static push_flush_t send_text(push_stream_t *stream, const char *text,
                              size_t len)
{
    struct iovec piece = {(void *)(uintptr_t)text, len};
    ssize_t sent = send_pieces(stream, &piece, 1);

    if (sent < 0) {
        return PUSH_FLUSH_BROKEN;
    }
    if ((size_t)sent == len) {
        return stream->rest ? PUSH_FLUSH_BLOCKED : PUSH_FLUSH_DONE;
    }
    return keep_rest(stream, text + sent, len - (size_t)sent);
}

/* ---- what was begun before ---- */

static push_flush_t finish_rest(push_stream_t *stream)
{
    char *rest = stream->rest;
    push_flush_t status;

    stream->rest = NULL;
    status = send_text(stream, rest, stream->rest_len);
    free(rest);
    return status;
}

static push_flush_t finish_part(push_store_t *store, push_stream_t *stream,
                                output_t *out)
{
    const push_message_t *message = push_at(
        &store->heaps[0], push_hold_at(store, stream->part)->message);
    ssize_t sent;

    out->count = 0;
    out->bytes = 0;
    add_message(out, out->prefixes[0], stream->part_seq, message);
    skip_bytes(out, stream->part_at);
    sent = send_pieces(stream, out->pieces, out->count);
    if (sent < 0) {
        return PUSH_FLUSH_BROKEN;
    }
    stream->part_at += (uint32_t)sent;
    if ((size_t)sent < out->bytes) {
        return PUSH_FLUSH_BLOCKED;
    }
    push_hold_release(store, stream->part);
    stream->part = PUSH_NONE;
    stream->messages++;
    push_delivery_count(store, 1);
    return stream->rest ? PUSH_FLUSH_BLOCKED : PUSH_FLUSH_DONE;
}

/* ---- what is new ---- */

static void write_gaps(output_t *out, const push_delivery_t *delivery)
{
    out->gaps_len = 0;
    for (unsigned i = 0; i < delivery->gaps_count; i++) {
        const push_told_t *gap = &delivery->gaps[i];

        out->gaps_len += (size_t)snprintf(
            out->gaps + out->gaps_len, GAPS_MAX - out->gaps_len,
            "event: push.gap\n"
            "data: {\"dropped\":%u,\"reason\":\"%s\",\"urgency\":\"%s\"}\n\n",
            gap->dropped, push_gap_name(gap->reason),
            push_urgency_name(gap->urgency));
    }
    if (out->gaps_len) {
        add_piece(out, out->gaps, out->gaps_len);
    }
}

static void write_delivery(output_t *out, const push_delivery_t *delivery)
{
    out->count = 0;
    out->bytes = 0;
    write_gaps(out, delivery);
    for (unsigned i = 0; i < delivery->count; i++) {
        add_message(out, out->prefixes[i], delivery->picks[i].seq,
                    delivery->picks[i].message);
    }
}

/* The socket took only so many bytes: the rest goes back to the mailbox. */
static push_flush_t cut_delivery(push_store_t *store, push_stream_t *stream,
                                 const output_t *out,
                                 const push_delivery_t *delivery, size_t sent)
{
    const push_ticket_t ticket = ticket_of(stream);
    uint64_t seq = delivery->count ? delivery->picks[0].seq - 1 : 0;
    unsigned whole = 0;

    if (sent < out->gaps_len) {
        if (delivery->count && !push_delivery_cut(store, &ticket, seq)) {
            return PUSH_FLUSH_BROKEN;
        }
        return keep_rest(stream, out->gaps + sent, out->gaps_len - sent);
    }
    sent -= out->gaps_len;
    while (whole < delivery->count) {
        const push_pick_t *pick = &delivery->picks[whole];
        size_t size = message_size(out, pick->seq, pick->message);

        if (sent < size) {
            break;
        }
        sent -= size;
        seq = pick->seq;
        whole++;
    }
    stream->messages += whole;
    push_delivery_count(store, whole);
    if (sent) {
        stream->part = push_hold_take(store, delivery->picks[whole].ref,
                                      stream->gen, store->tag);
        if (!stream->part) {
            return PUSH_FLUSH_BROKEN;
        }
        stream->part_seq = ++seq;
        stream->part_at = (uint32_t)sent;
    }
    return push_delivery_cut(store, &ticket, seq) ? PUSH_FLUSH_BLOCKED
                                                  : PUSH_FLUSH_BROKEN;
}

static push_flush_t flush_status(push_status_t status)
{
    return status == PUSH_STALE ? PUSH_FLUSH_STALE : PUSH_FLUSH_LATER;
}

/*
 * Bytes that the client's TCP has acknowledged, or, of a socket pair, that its
 * reader took; rather less than more.  Over TLS what has not arrived is counted
 * with what encryption adds, a socket pair counts its own overhead.
 */
static uint64_t arrived(const push_stream_t *stream)
{
    int waiting = 0;

    if (ioctl(stream->fd, SIOCOUTQ, &waiting) < 0
        || (uint64_t)waiting >= stream->bytes) {
        return 0;
    }
    return stream->bytes - (uint64_t)waiting;
}

/* What is next; a window that is full looks what has arrived. */
static push_status_t begin(push_store_t *store, push_stream_t *stream,
                           const push_time_t *now, push_delivery_t *delivery)
{
    const push_ticket_t ticket = ticket_of(stream);
    bool asked = stream->full;
    push_status_t status;

    delivery->written = stream->bytes;
    delivery->arrived = asked ? arrived(stream) : 0;
    status = push_delivery_begin(store, &ticket, now, delivery);
    if (status == PUSH_OK && delivery->full && !asked && !delivery->count
        && !delivery->gaps_count) {
        delivery->arrived = arrived(stream);
        status = push_delivery_begin(store, &ticket, now, delivery);
    }
    stream->full = status == PUSH_OK && delivery->full;
    return status;
}

static push_flush_t deliver(push_store_t *store, push_stream_t *stream,
                            output_t *out, const push_time_t *now)
{
    push_delivery_t delivery;
    push_status_t status;
    ssize_t sent;

    status = begin(store, stream, now, &delivery);
    if (status != PUSH_OK) {
        return flush_status(status);
    }
    if (!delivery.count && !delivery.gaps_count) {
        return delivery.full ? PUSH_FLUSH_FULL : PUSH_FLUSH_IDLE;
    }
    set_suffix(out, delivery.device);
    write_delivery(out, &delivery);
    sent = send_pieces(stream, out->pieces, out->count);
    if (sent < 0) {
        return PUSH_FLUSH_BROKEN;
    }
    if ((size_t)sent < out->bytes) {
        return cut_delivery(store, stream, out, &delivery, (size_t)sent);
    }
    stream->messages += delivery.count;
    push_delivery_count(store, delivery.count);
    if (stream->rest) {
        return PUSH_FLUSH_BLOCKED;
    }
    return delivery.more || delivery.full ? PUSH_FLUSH_MORE : PUSH_FLUSH_DONE;
}

push_flush_t push_stream_flush(push_store_t *store, push_stream_t *stream,
                               const push_time_t *now)
{
    static _Thread_local output_t out;
    const push_ticket_t ticket = ticket_of(stream);
    push_flush_t flushed = PUSH_FLUSH_DONE;

    if (stream->rest) {
        flushed = finish_rest(stream);
    }
    if (flushed == PUSH_FLUSH_DONE && stream->part) {
        char device[PUSH_DEVICE_MAX + 1];
        push_status_t status = push_delivery_device(store, &ticket, device);

        if (status != PUSH_OK) {
            return flush_status(status);
        }
        set_suffix(&out, device);
        flushed = finish_part(store, stream, &out);
    }
    if (flushed != PUSH_FLUSH_DONE) {
        return flushed;
    }
    return deliver(store, stream, &out, now);
}

push_flush_t push_stream_beat(push_stream_t *stream)
{
    static const char event[] = "event: heartbeat\ndata:\n\n";

    if (stream->rest || stream->part) {
        return PUSH_FLUSH_BLOCKED;
    }
    return stream->event_beats ? send_text(stream, event, sizeof(event) - 1)
                               : send_text(stream, "\n", 1);
}

void push_stream_bye(push_stream_t *stream, push_end_t why, uint32_t retry_ms,
                     uint32_t spread_ms)
{
    char text[160];
    int len;

    if (stream->rest || stream->part) {
        return;
    }
    len = snprintf(text, sizeof(text),
                   "retry: %u\nevent: push.bye\n"
                   "data: {\"reason\":\"%s\",\"spread_ms\":%u}\n\n",
                   retry_ms, push_end_name(why), spread_ms);
    send_text(stream, text, (size_t)len);
}

bool push_stream_peer_left(push_stream_t *stream)
{
    char ignored[4096];
    ssize_t got;

    if (stream->ssl) {
        return push_tls_peer_left(stream);
    }
    for (unsigned i = 0; i < PUSH_PEER_READS; i++) {
        do {
            got = recv(stream->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
        } while (got < 0 && errno == EINTR);
        if (got <= 0) {
            return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
        }
    }
    return true;
}

void push_stream_close(push_store_t *store, push_stream_t *stream)
{
    if (stream->part) {
        push_hold_release(store, stream->part);
        stream->part = PUSH_NONE;
    }
    push_tls_close(stream);
    free(stream->rest);
    stream->rest = NULL;
    close(stream->fd);
    stream->fd = -1;
}
