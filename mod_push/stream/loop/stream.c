#include "stream/loop/stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "core/tally_message.h"
#include "store/shard/hold.h"
#include "stream/transport/tcp.h"
#include "stream/transport/tls.h"
#include "stream/loop/reply.h"
#include "codec/json.h"
#include "codec/protobuf.h"
#include "codec/sse.h"
#include "codec/verbatim.h"
#include "codec/websocket.h"

#define WRITES_A_READING 8u

/* One a thread: what one system call is going to write. */
struct push_writer_t {
    push_store_t *store;
    _Atomic uint32_t *tally; /* the seat's, by class */
    push_output_t out;
    push_forms_t forms[2]; /* pieces of out may be borrowed from; by form */
    size_t gaps_len;       /* bytes of the gaps before the messages */
    size_t ends[PUSH_DELIVERY_MAX]; /* of the messages that are whole in it */
    unsigned whole;
    push_delivery_t delivery;
    push_written_t written; /* with the counts of the reactor's seat */
    int64_t turn;           /* mono µs; in which the clock was read for it */
    unsigned writes;        /* since */
};

push_writer_t *push_writer_create(push_store_t *store, push_seat_t *seat)
{
    push_writer_t *writer = calloc(1, sizeof(*writer));

    if (writer) {
        writer->store = store;
        writer->tally = seat->delivered;
        writer->written.counts = &seat->counts;
        writer->written.exemplars = &seat->exemplars;
    }
    return writer;
}

void push_writer_destroy(push_writer_t *writer)
{
    free(writer);
}

static const push_codec_t *codec_of(const push_stream_t *stream)
{
    static const push_codec_t *const codecs[8] = {
        [PUSH_CODEC_SSE] = &push_codec_sse,
        [PUSH_CODEC_JSON] = &push_codec_json,
        [PUSH_CODEC_VERBATIM] = &push_codec_verbatim,
        [PUSH_CODEC_BARE] = &push_codec_bare,
        [PUSH_CODEC_RAMEN] = &push_codec_ramen,
        [PUSH_CODEC_PROTOBUF] = &push_codec_protobuf};

    return codecs[stream->codec];
}

/* A codec's forms are of no use to another one. */
static push_forms_t *forms_of(push_writer_t *writer,
                              const push_stream_t *stream)
{
    return &writer->forms[push_codec_frames(stream->codec)];
}

static push_stream_ref_t stream_ref_of(const push_stream_t *stream)
{
    return (push_stream_ref_t){.device = stream->device, .gen = stream->gen};
}

/*
 * To read the clock takes as long as to write a message, so one reading does
 * for some writes: what they count as their messages' latency is less than it
 * was by some 0.1 ms at most.
 */
static void read_clock(push_writer_t *writer, const push_time_t *now)
{
    if (writer->turn != now->us || writer->writes == WRITES_A_READING) {
        writer->turn = now->us;
        writer->writes = 0;
        writer->written.at = push_clock_later(now);
    }
    writer->writes++;
}

/* The writer's sums are out, the last message of them as seq. */
static void note_written(push_writer_t *writer, push_stream_t *stream,
                         const push_time_t *now, uint64_t seq)
{
    const push_stream_ref_t stream_ref = stream_ref_of(stream);

    for (unsigned i = 0; i < PUSH_LANES; i++) {
        stream->messages += writer->written.sums.messages[i];
    }
    read_clock(writer, now);
    writer->written.seq = seq;
    push_delivery_written(writer->store, &stream_ref, &writer->written);
}

static void tally_class(const push_writer_t *writer,
                        const push_message_t *message, unsigned messages)
{
    unsigned class = push_class_of_message(&writer->store->classes, message);

    if (class != PUSH_CLASS_OTHER) {
        push_tally_add(&writer->tally[class], messages);
    }
}

/* The first messages of the delivery are out, so many. */
static void tally_written(const push_writer_t *writer, unsigned messages)
{
    const push_pick_t *picks = writer->delivery.picks;

    for (unsigned i = 0; i < messages; i++) {
        tally_class(writer, picks[i].message, 1);
    }
}

static bool tallies(const push_writer_t *writer)
{
    return writer->store->heaps[0].tally != NULL;
}

static const push_transport_t *transport_of(const push_stream_t *stream)
{
    return stream->link.ssl ? &push_transport_tls : &push_transport_tcp;
}

static ssize_t send_pieces(push_stream_t *stream, struct iovec *pieces,
                           unsigned count)
{
    return transport_of(stream)->send(&stream->link, pieces, count);
}

/*
 * Keeps what the socket did not take of what is no message, behind what the
 * transport keeps of it already.
 */
static push_flush_t keep_rest(push_stream_t *stream, const char *text,
                              size_t len)
{
    size_t kept = stream->link.rest ? stream->link.rest_len : 0;
    char *rest = realloc(stream->link.rest, kept + len);

    if (!rest) {
        return PUSH_FLUSH_BROKEN;
    }
    memcpy(rest + kept, text, len);
    stream->link.rest = rest;
    stream->link.rest_len = (uint32_t)(kept + len);
    return PUSH_FLUSH_BLOCKED;
}

push_flush_t push_stream_send(push_stream_t *stream, const char *text,
                              size_t len)
{
    struct iovec piece = {(char *)(uintptr_t)text, len};
    ssize_t sent = send_pieces(stream, &piece, 1);

    if (sent < 0) {
        return PUSH_FLUSH_BROKEN;
    }
    if ((size_t)sent == len) {
        return stream->link.rest ? PUSH_FLUSH_BLOCKED : PUSH_FLUSH_DONE;
    }
    return keep_rest(stream, text + sent, len - (size_t)sent);
}

/* ---- what was begun before ---- */

static push_flush_t finish_rest(push_stream_t *stream)
{
    char *rest = stream->link.rest;
    push_flush_t status;

    stream->link.rest = NULL;
    status = push_stream_send(stream, rest, stream->link.rest_len);
    free(rest);
    return status;
}

static push_letter_t letter_for(push_writer_t *writer,
                                const push_stream_t *stream,
                                const push_message_t *message,
                                const char *device)
{
    push_letter_t letter = push_letter_for(writer->store, message, device,
                                           stream->meta);

    letter.forms = forms_of(writer, stream);
    return letter;
}

/*
 * The socket took all of an output that could not hold all.  epoll would tell
 * nothing about it, so the stream has its next turn at once.
 */
static push_flush_t go_on(const push_stream_t *stream)
{
    return stream->link.rest ? PUSH_FLUSH_BLOCKED : PUSH_FLUSH_MORE;
}

static void begin_sums(push_writer_t *writer)
{
    writer->written.sums = (push_written_sums_t){0};
}

static push_flush_t finish_part(push_writer_t *writer, push_stream_t *stream,
                                const char *device, const push_time_t *now)
{
    push_store_t *store = writer->store;
    push_output_t *out = &writer->out;
    const push_message_t *message = push_at(
        &store->heaps[0], push_hold_at(store, stream->part)->message);
    push_letter_t letter = letter_for(writer, stream, message, device);
    ssize_t sent;

    letter.seq = stream->part_seq;
    letter.resume = stream->part_resume;
    push_forms_begin(forms_of(writer, stream));
    push_output_begin(out, stream->part_at);
    codec_of(stream)->message(out, &letter);
    sent = send_pieces(stream, out->pieces, out->count);
    if (sent < 0) {
        return PUSH_FLUSH_BROKEN;
    }
    stream->part_at += (uint32_t)sent;
    stream->part_resume = letter.resume;
    if ((size_t)sent < out->bytes) {
        return PUSH_FLUSH_BLOCKED;
    }
    if (out->cut) {
        return go_on(stream);
    }
    if (tallies(writer)) {
        tally_class(writer, message, 1);
    }
    begin_sums(writer);
    push_written_sums_add(&writer->written.sums, letter.message, 1,
                          stream->part_at);
    note_written(writer, stream, now, stream->part_seq);
    push_hold_release(store, stream->part);
    stream->part = PUSH_NONE;
    return stream->link.rest ? PUSH_FLUSH_BLOCKED : PUSH_FLUSH_DONE;
}

/* ---- what is new ---- */

/* Up to what ends the stream, which is left for a turn of its own. */
static void write_delivery(push_writer_t *writer, const push_stream_t *stream)
{
    const push_delivery_t *delivery = &writer->delivery;
    const push_codec_t *codec = codec_of(stream);
    push_output_t *out = &writer->out;

    push_forms_begin(forms_of(writer, stream));
    push_output_begin(out, 0);
    for (unsigned i = 0; i < delivery->gaps_count; i++) {
        codec->gap(out, &delivery->gaps[i]);
    }
    writer->gaps_len = out->bytes;
    writer->whole = 0;
    while (writer->whole < delivery->count) {
        const push_pick_t *pick = &delivery->picks[writer->whole];
        push_letter_t letter = letter_for(writer, stream, pick->message,
                                          delivery->device);

        letter.seq = pick->seq;
        if (push_message_closes(pick->message)) {
            out->cut = true;
            break;
        }
        codec->message(out, &letter);
        if (out->cut) {
            break;
        }
        writer->ends[writer->whole++] = out->bytes;
    }
}

/*
 * The first messages of the delivery are out whole.  They stand by urgency, so
 * mostly one look at both ends is enough.
 */
static void note_whole(push_writer_t *writer, push_stream_t *stream,
                       unsigned count, const push_time_t *now)
{
    const push_pick_t *picks = writer->delivery.picks;
    size_t begin = writer->gaps_len;
    unsigned next;

    if (tallies(writer)) {
        tally_written(writer, count);
    }
    begin_sums(writer);
    for (unsigned i = 0; i < count; i = next) {
        bool alike = push_message_urgency(picks[i].message)
                     == push_message_urgency(picks[count - 1].message);

        next = alike ? count : i + 1;
        push_written_sums_add(&writer->written.sums, picks[i].message,
                              next - i, writer->ends[next - 1] - begin);
        begin = writer->ends[next - 1];
    }
    note_written(writer, stream, now, count ? picks[count - 1].seq : 0);
}

/* The message at index was written in part: so many bytes of it. */
static bool keep_part(push_writer_t *writer, push_stream_t *stream,
                      unsigned index, size_t bytes)
{
    const push_pick_t *pick = &writer->delivery.picks[index];

    stream->part = push_hold_take(writer->store, pick->ref, stream->gen,
                                  writer->store->tag);
    stream->part_seq = pick->seq;
    stream->part_at = (uint32_t)bytes;
    stream->part_resume = (push_resume_t){0};
    return stream->part != PUSH_NONE;
}

/* Only so many bytes were written: the rest goes back to the mailbox. */
static push_flush_t cut_delivery(push_writer_t *writer, push_stream_t *stream,
                                 size_t sent, const push_time_t *now)
{
    const push_delivery_t *delivery = &writer->delivery;
    const push_stream_ref_t stream_ref = stream_ref_of(stream);
    push_store_t *store = writer->store;
    uint64_t seq = delivery->count ? delivery->picks[0].seq - 1 : 0;
    size_t begin = writer->gaps_len;
    unsigned whole = 0;

    if (sent < begin) {
        if (delivery->count && !push_delivery_cut(store, &stream_ref, seq)) {
            return PUSH_FLUSH_BROKEN;
        }
        return keep_rest(stream, writer->out.scratch + sent, begin - sent);
    }
    while (whole < writer->whole && writer->ends[whole] <= sent) {
        begin = writer->ends[whole++];
    }
    seq += whole;
    note_whole(writer, stream, whole, now);
    if (sent > begin) {
        if (!keep_part(writer, stream, whole, sent - begin)) {
            return PUSH_FLUSH_BROKEN;
        }
        seq++;
    }
    if (!push_delivery_cut(store, &stream_ref, seq)) {
        return PUSH_FLUSH_BROKEN;
    }
    return sent < writer->out.bytes ? PUSH_FLUSH_BLOCKED : go_on(stream);
}

static push_flush_t flush_status(push_status_t status)
{
    return status == PUSH_STALE ? PUSH_FLUSH_STALE : PUSH_FLUSH_LATER;
}

static uint64_t arrived(const push_stream_t *stream)
{
    return transport_of(stream)->arrived(&stream->link);
}

/*
 * Begins the next delivery; a window that is full asks how much has arrived.
 */
static push_status_t begin(push_store_t *store, push_stream_t *stream,
                           const push_time_t *now, push_delivery_t *delivery)
{
    const push_stream_ref_t stream_ref = stream_ref_of(stream);
    bool asked = stream->full;
    push_status_t status;

    delivery->hold_gaps = false;
    delivery->written = stream->link.bytes;
    delivery->arrived = asked ? arrived(stream) : 0;
    status = push_delivery_begin(store, &stream_ref, now, delivery);
    if (status == PUSH_OK && delivery->full && !asked && !delivery->count
        && !delivery->gaps_count) {
        delivery->arrived = arrived(stream);
        status = push_delivery_begin(store, &stream_ref, now, delivery);
    }
    stream->full = status == PUSH_OK && delivery->full;
    stream->arriving |= status == PUSH_OK && delivery->rerouted;
    return status;
}

static push_flush_t deliver(push_writer_t *writer, push_stream_t *stream,
                            const push_time_t *now)
{
    const push_output_t *out = &writer->out;
    push_delivery_t *delivery = &writer->delivery;
    push_status_t status = begin(writer->store, stream, now, delivery);
    ssize_t sent;

    if (status != PUSH_OK) {
        return flush_status(status);
    }
    if (!delivery->count && !delivery->gaps_count) {
        return delivery->full ? PUSH_FLUSH_FULL : PUSH_FLUSH_IDLE;
    }
    write_delivery(writer, stream);
    if (!out->bytes && out->cut) {
        return PUSH_FLUSH_CLOSED;
    }
    sent = send_pieces(stream, writer->out.pieces, out->count);
    if (sent < 0) {
        return PUSH_FLUSH_BROKEN;
    }
    if (out->cut || (size_t)sent < out->bytes) {
        return cut_delivery(writer, stream, (size_t)sent, now);
    }
    note_whole(writer, stream, delivery->count, now);
    if (stream->link.rest) {
        return PUSH_FLUSH_BLOCKED;
    }
    return delivery->more || delivery->full ? PUSH_FLUSH_MORE
                                            : PUSH_FLUSH_DONE;
}

/* ---- a poll ---- */

/* Nothing was found that is an answer. */
static push_flush_t answer_last(push_stream_t *stream)
{
    push_flush_t sent;

    stream->answered = 1;
    sent = push_stream_send(stream, stream->last->bytes, stream->last->len);
    return sent == PUSH_FLUSH_DONE ? PUSH_FLUSH_OVER : sent;
}

/* Writes the answer of a poll; when its wait is over, even an empty one. */
static push_flush_t answer(push_writer_t *writer, push_stream_t *stream,
                           const push_time_t *now)
{
    const push_stream_ref_t stream_ref = stream_ref_of(stream);
    push_delivery_t *delivery = &writer->delivery;
    push_reply_t reply = {.store = writer->store,
                          .codec = codec_of(stream),
                          .meta = stream->meta,
                          .sums = &writer->written.sums};
    push_flush_t sent = PUSH_FLUSH_BROKEN;
    push_status_t status;

    delivery->hold_gaps = !stream->due;
    delivery->written = stream->link.bytes;
    delivery->arrived = 0;
    status = push_delivery_begin(writer->store, &stream_ref, now, delivery);
    if (status != PUSH_OK) {
        return flush_status(status);
    }
    stream->arriving |= delivery->rerouted;
    if (!delivery->count && !stream->due) {
        return PUSH_FLUSH_IDLE;
    }
    if (!delivery->count && stream->last
        && (!delivery->gaps_count || stream->codec == PUSH_CODEC_VERBATIM)) {
        return answer_last(stream);
    }
    begin_sums(writer);
    push_reply_write(&reply, &writer->out, delivery);
    if (!reply.failed) {
        stream->answered = 1;
        if (tallies(writer)) {
            tally_written(writer, delivery->count);
        }
        note_written(writer, stream, now, delivery->sent);
        sent = push_stream_send(stream, reply.bytes, reply.len);
    }
    free(reply.bytes);
    return sent == PUSH_FLUSH_DONE ? PUSH_FLUSH_OVER : sent;
}

push_flush_t push_stream_flush(push_writer_t *writer, push_stream_t *stream,
                               const push_time_t *now)
{
    const push_stream_ref_t stream_ref = stream_ref_of(stream);
    push_flush_t flushed = PUSH_FLUSH_DONE;

    if (stream->link.rest) {
        flushed = finish_rest(stream);
    }
    if (flushed == PUSH_FLUSH_DONE && stream->part) {
        char device[PUSH_DEVICE_MAX + 1];
        push_status_t status = push_delivery_device(writer->store, &stream_ref,
                                                    device);

        if (status != PUSH_OK) {
            return flush_status(status);
        }
        flushed = finish_part(writer, stream, device, now);
    }
    if (flushed != PUSH_FLUSH_DONE) {
        return flushed;
    }
    if (stream->answered) {
        return PUSH_FLUSH_OVER;
    }
    return stream->poll ? answer(writer, stream, now)
                        : deliver(writer, stream, now);
}

push_flush_t push_stream_beat(push_writer_t *writer, push_stream_t *stream)
{
    push_output_t *out = &writer->out;

    if (stream->link.rest || stream->part) {
        return PUSH_FLUSH_BLOCKED;
    }
    push_output_begin(out, 0);
    codec_of(stream)->beat(out, stream->event_beats);
    if (!out->bytes) {
        return PUSH_FLUSH_DONE;
    }
    push_count(writer->written.counts, PUSH_COUNT_HEARTBEATS, 1);
    return push_stream_send(stream, out->scratch, out->bytes);
}

void push_stream_bye(push_writer_t *writer, push_stream_t *stream,
                     const push_notice_t *notice)
{
    push_output_t *out = &writer->out;

    if (stream->link.rest || stream->part || stream->answered) {
        return;
    }
    if (stream->codec == PUSH_CODEC_VERBATIM) {
        answer_last(stream);
        return;
    }
    push_output_begin(out, 0);
    codec_of(stream)->bye(out, notice);
    push_stream_send(stream, out->scratch, out->bytes);
    if (push_codec_frames(stream->codec)) {
        push_stream_peer_left(stream); /* or the close would be a reset */
    }
}

ssize_t push_stream_receive(push_stream_t *stream, char *bytes, size_t count)
{
    return transport_of(stream)->receive(&stream->link, bytes, count);
}

bool push_stream_watch(const push_stream_t *stream, int epoll, uint32_t index)
{
    return transport_of(stream)->watch(&stream->link, epoll, index);
}

bool push_stream_peer_left(push_stream_t *stream)
{
    return transport_of(stream)->peer_left(&stream->link);
}

bool push_stream_moves(const push_stream_t *stream)
{
    return transport_of(stream)->moves && !stream->bridged && !stream->poll;
}

void push_stream_take(push_stream_t *stream, const push_migrant_t *migrant)
{
    stream->part = migrant->part;
    stream->part_at = migrant->part_at;
    if (migrant->adoption.poll) {
        stream->last = migrant->adoption.last;
    }
    else {
        stream->part_seq = migrant->part_seq;
    }
}

void push_stream_drop_link(push_link_t *link)
{
    (link->ssl ? &push_transport_tls : &push_transport_tcp)->close(link);
}

void push_stream_close(push_store_t *store, push_stream_t *stream)
{
    if (stream->part) {
        push_hold_release(store, stream->part);
        stream->part = PUSH_NONE;
    }
    if (stream->poll) {
        free(stream->last);
    }
    transport_of(stream)->close(&stream->link);
    free(stream->link.rest);
    stream->link.rest = NULL;
    stream->link.fd = -1;
}
