#include "stream/loop/upstream.h"

#include <string.h>

#include "codec/codec.h"
#include "protobuf/from_device.h"
#include "store/ops/ack.h"
#include "websocket/said.h"

#define READ 4096u

_Static_assert(PUSH_UPSTREAM_MAX == 4096, "reason_of() names it");

/* What one reading works on. */
typedef struct {
    push_store_t *store;
    const push_time_t *now;
    push_stream_t *stream;
    push_upstream_t *upstream;
    const char *reason; /* of a close, in ASCII; NULL: the code says it */
    bool left;          /* the peer has sent its close */
} reading_t;

/* ---- acknowledgements ---- */

static push_status_t acknowledge(push_store_t *store,
                                 const push_stream_t *stream,
                                 const push_cursor_t *cursor,
                                 const push_time_t *now)
{
    const push_stream_ref_t stream_ref = {.device = stream->device,
                                          .gen = stream->gen};

    return push_store_ack_stream(store, &stream_ref, cursor, now);
}

/* They are cumulative: the last one is enough. */
static void keep_ack(push_upstream_t *upstream, const push_cursor_t *cursor)
{
    upstream->acks = true;
    upstream->ack_seq = cursor->seq;
    upstream->ack_mid = cursor->mid;
    upstream->ack_has_mid = cursor->has_mid;
}

static push_close_t hear_ack(reading_t *reading, const push_cursor_t *cursor)
{
    push_status_t status = acknowledge(reading->store, reading->stream, cursor,
                                       reading->now);

    if (status == PUSH_STALE) {
        reading->reason = "ack: nothing like it was sent on this stream";
        return PUSH_CLOSE_POLICY;
    }
    reading->upstream->acks = false;
    if (status == PUSH_BUSY) {
        keep_ack(reading->upstream, cursor);
    }
    return PUSH_CLOSE_NONE;
}

/* ---- messages ---- */

/* A message of a kind that is not the subprotocol's. */
static push_close_t hear_other(reading_t *reading)
{
    static const char *const reasons[8] = {
        [PUSH_CODEC_BARE] = "without a subprotocol there is nothing to say",
        [PUSH_CODEC_RAMEN] = "only text is understood",
        [PUSH_CODEC_PROTOBUF] = "only binary messages are understood"};

    reading->reason = reasons[reading->stream->codec];
    return PUSH_CLOSE_KIND;
}

static push_close_t hear_text(reading_t *reading, const push_heard_t *heard)
{
    push_cursor_t cursor;
    push_said_t said;

    if (reading->stream->codec != PUSH_CODEC_RAMEN) {
        return hear_other(reading);
    }
    reading->reason = push_said_read(heard->at, heard->len, &said);
    if (!reading->reason
        && !push_cursor_parse(said.ack, said.ack_len, &cursor)) {
        reading->reason = "ack: SEQ, SEQ.MID or SEQ.MID.DEVICE";
    }
    return reading->reason ? PUSH_CLOSE_POLICY : hear_ack(reading, &cursor);
}

static push_close_t hear_binary(reading_t *reading, const push_heard_t *heard)
{
    push_from_device_t said;

    if (reading->stream->codec != PUSH_CODEC_PROTOBUF) {
        return hear_other(reading);
    }
    reading->reason = push_from_device_read(heard->at, heard->len, &said);
    return reading->reason ? PUSH_CLOSE_POLICY : hear_ack(reading, &said.ack);
}

/* Of several pings, the answer to the last one does (section 5.5.3). */
static push_close_t hear_ping(push_upstream_t *upstream,
                              const push_heard_t *heard)
{
    upstream->pongs = true;
    upstream->pong_len = (uint8_t)heard->len;
    if (heard->len) {
        memcpy(upstream->pong, heard->at, heard->len);
    }
    return PUSH_CLOSE_NONE;
}

static push_close_t hear(void *data, const push_heard_t *heard)
{
    reading_t *reading = data;

    switch (heard->opcode) {
    case PUSH_FRAME_TEXT:
        return hear_text(reading, heard);
    case PUSH_FRAME_PING:
        return hear_ping(reading->upstream, heard);
    case PUSH_FRAME_CLOSE:
        reading->left = true;
        return PUSH_CLOSE_NONE;
    case PUSH_FRAME_BINARY:
        return hear_binary(reading, heard);
    case PUSH_FRAME_PONG:
    case PUSH_FRAME_MORE:
        break;
    }
    return PUSH_CLOSE_NONE;
}

/* ---- the end ---- */

static bool can_write(const push_stream_t *stream)
{
    return !stream->link.rest && !stream->part && !stream->blocked;
}

static const char *reason_of(const reading_t *reading, push_close_t code)
{
    return reading->reason             ? reading->reason
           : reading->left             ? ""
           : code == PUSH_CLOSE_TEXT   ? "a text is not UTF-8"
           : code == PUSH_CLOSE_SIZE   ? "a message has at most 4096 bytes"
           : code == PUSH_CLOSE_POLICY ? "too much at once"
           : code == PUSH_CLOSE_SERVER ? "no memory"
                                       : "a frame breaks RFC 6455";
}

/* Answers a close, or begins it; what came meanwhile would reset it. */
static push_upstream_end_t close_by(const reading_t *reading,
                                    push_close_t code)
{
    char frame[PUSH_FRAME_HEAD_MAX + PUSH_CONTROL_MAX];
    const char *end = push_frame_put_close(frame, code,
                                           reason_of(reading, code));

    if (can_write(reading->stream)) {
        push_stream_send(reading->stream, frame, (size_t)(end - frame));
        push_stream_peer_left(reading->stream);
    }
    return reading->left ? PUSH_UPSTREAM_LEFT : PUSH_UPSTREAM_BROKEN;
}

/* ---- reading ---- */

/* True if it has something to do, or to wait for. */
static bool keeps(const push_upstream_t *upstream)
{
    return push_inbound_keeps(&upstream->inbound) || upstream->acks
           || upstream->pongs;
}

static push_upstream_end_t read_all(reading_t *reading)
{
    const push_hearer_t hearer = {hear, reading, PUSH_UPSTREAM_MAX};
    char bytes[READ];

    for (unsigned i = 0; i < PUSH_PEER_READS; i++) {
        ssize_t got = push_stream_receive(reading->stream, bytes,
                                          sizeof(bytes));
        push_close_t code;

        if (got <= 0) {
            return got ? PUSH_UPSTREAM_LEFT : PUSH_UPSTREAM_OPEN;
        }
        code = push_inbound_take(&reading->upstream->inbound, bytes,
                                 (size_t)got, &hearer);
        if (code) {
            return close_by(reading, code);
        }
    }
    return close_by(reading, PUSH_CLOSE_POLICY);
}

push_upstream_end_t push_upstream_read(push_upstreams_t *upstreams,
                                       uint32_t index, push_stream_t *stream,
                                       const push_time_t *now)
{
    push_upstream_t fresh = {.acks = false};
    push_upstream_t *kept = push_upstreams_get(upstreams, index);
    push_upstream_t *upstream = kept ? kept : &fresh;
    reading_t reading = {.store = upstreams->store,
                         .now = now,
                         .stream = stream,
                         .upstream = upstream};
    push_upstream_end_t ended = read_all(&reading);
    bool owes = upstream->acks || upstream->pongs;

    if (!kept && keeps(&fresh)
        && !push_upstreams_put(upstreams, index, &fresh)) {
        push_inbound_cleanup(&fresh.inbound);
        return PUSH_UPSTREAM_BROKEN;
    }
    if (kept && !keeps(kept)) {
        push_upstreams_drop(upstreams, index);
    }
    return ended == PUSH_UPSTREAM_OPEN && owes ? PUSH_UPSTREAM_OWES : ended;
}

/* ---- what is owed ---- */

static push_flush_t send_pong(push_stream_t *stream, push_upstream_t *upstream)
{
    char frame[PUSH_FRAME_HEAD_MAX + PUSH_CONTROL_MAX];
    char *at = push_frame_put(frame, PUSH_FRAME_PONG, upstream->pong_len);

    memcpy(at, upstream->pong, upstream->pong_len);
    upstream->pongs = false;
    return push_stream_send(stream, frame,
                            (size_t)(at - frame) + upstream->pong_len);
}

/* Returns true if it has to be tried once more. */
static bool settle_ack(push_store_t *store, const push_stream_t *stream,
                       push_upstream_t *upstream, const push_time_t *now)
{
    const push_cursor_t cursor = {.seq = upstream->ack_seq,
                                  .mid = upstream->ack_mid,
                                  .has_mid = upstream->ack_has_mid};

    upstream->acks = acknowledge(store, stream, &cursor, now) == PUSH_BUSY;
    return upstream->acks;
}

/* True if nothing of a message is on its way, and nothing went wrong. */
static bool is_between(const push_stream_t *stream, push_flush_t status)
{
    return status <= PUSH_FLUSH_MORE
           || (status == PUSH_FLUSH_FULL && can_write(stream));
}

push_flush_t push_upstream_settle(push_upstreams_t *upstreams, uint32_t index,
                                  push_stream_t *stream,
                                  const push_time_t *now, push_flush_t status)
{
    push_upstream_t *upstream = push_upstreams_get(upstreams, index);

    if (!upstream) {
        return status;
    }
    if (upstream->pongs && is_between(stream, status) && can_write(stream)) {
        push_flush_t sent = send_pong(stream, upstream);

        status = sent == PUSH_FLUSH_DONE && status != PUSH_FLUSH_IDLE ? status
                                                                      : sent;
    }
    if (upstream->acks && settle_ack(upstreams->store, stream, upstream, now)
        && (status == PUSH_FLUSH_IDLE || status == PUSH_FLUSH_DONE)) {
        status = PUSH_FLUSH_LATER;
    }
    if (!keeps(upstream)) {
        push_upstreams_drop(upstreams, index);
    }
    return status;
}
