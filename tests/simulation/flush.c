#include <stdlib.h>
#include <string.h>

#include "codec/sse.h"
#include "simulation/publish.h"
#include "simulation/server.h"

#define BATCH_MAX 16u
#define OUT_MAX   32768u

sim_link_t *sim_link_of(sim_t *s, int client, uint32_t conn)
{
    for (int i = 0; i < SIM_LINKS; i++) {
        sim_link_t *link = &s->links[i];

        if (link->used && link->client == client && link->conn == conn) {
            return link;
        }
    }
    return NULL;
}

/* The context of the link while its stream is the newest, or NULL. */
static push_device_t *context_of(const sim_t *s, const sim_link_t *link)
{
    push_device_t *device = s->devices[link->client];

    return device && link->life == s->lives[link->client]
                   && device->gen == link->conn
               ? device
               : NULL;
}

static void put(sim_link_t *link, const char *bytes, size_t len)
{
    if (link->gone || !len) {
        return;
    }
    if (link->len + len > link->room) {
        link->room = (link->len + len) * 2;
        link->bytes = realloc(link->bytes, link->room);
        NEEDS(link->bytes != NULL, "no memory for a link");
    }
    memcpy(link->bytes + link->len, bytes, len);
    link->len += len;
}

/* What the socket did not take of something begun. */
static void keep_rest(sim_link_t *link, const char *bytes, size_t len)
{
    char *rest = malloc(len);

    NEEDS(rest != NULL, "no memory for a rest");
    memcpy(rest, bytes, len);
    free(link->rest);
    link->rest = rest;
    link->rest_len = len;
}

static void drop_rest(sim_t *s, sim_link_t *link)
{
    free(link->rest);
    link->rest = NULL;
    if (link->part) {
        push_message_release(s->w.heap, link->part);
        link->part = PUSH_NONE;
    }
}

/* Returns how much room is left; none if the rest did not fit. */
static size_t send_rest(sim_t *s, sim_link_t *link, size_t room)
{
    size_t take = room < link->rest_len ? room : link->rest_len;

    if (!link->rest) {
        return room;
    }
    put(link, link->rest, take);
    if (take < link->rest_len) {
        keep_rest(link, link->rest + take, link->rest_len - take);
        return 0;
    }
    drop_rest(s, link);
    return room - take;
}

/* All that one flush would write, and where each message of it ends. */
typedef struct {
    char text[OUT_MAX];
    size_t len;
    size_t gaps_len;
    size_t ends[BATCH_MAX];
    push_pick_t picks[BATCH_MAX];
    uint32_t count;
} output_t;

static void add(output_t *out, const char *text, size_t len)
{
    NEEDS(out->len + len < OUT_MAX, "a flush of more than %u bytes", OUT_MAX);
    memcpy(out->text + out->len, text, len);
    out->len += len;
}

static void add_all(output_t *out, const push_output_t *more)
{
    NEEDS(!more->cut, "a message that the output cannot hold");
    for (unsigned i = 0; i < more->count; i++) {
        add(out, more->pieces[i].iov_base, more->pieces[i].iov_len);
    }
}

static push_output_t encoded;

static void add_gaps(sim_t *s, output_t *out, push_device_t *device,
                     uint64_t first)
{
    push_told_t gap;

    while (push_mailbox_gap(device, &gap.reason, &gap.urgency, &gap.dropped)) {
        push_output_begin(&encoded, 0);
        push_codec_sse.gap(&encoded, &gap);
        push_mailbox_gap_told(device, gap.reason, gap.urgency);
        device->gap_seq = first;
        if (s->fault != SIM_GAP_HIDDEN) {
            add_all(out, &encoded);
        }
    }
    out->gaps_len = out->len;
}

static void add_message(sim_t *s, sim_link_t *link, output_t *out,
                        uint32_t index)
{
    const push_pick_t *pick = &out->picks[index];
    push_letter_t letter = {.message = pick->message, .seq = pick->seq};

    push_output_begin(&encoded, 0);
    push_codec_sse.message(&encoded, &letter);
    add_all(out, &encoded);
    out->ends[index] = out->len;
    s->sent[link->client][pick->seq % SIM_SEQS] = pick->message->mid;
    link->flush[pick->seq % SIM_SEQS] = s->flushes;
    sim_publish_is_sent(s, pick->message->mid);
}

/* What slid out of the window, if its client does not acknowledge. */
static void note_slid(sim_t *s, const sim_link_t *link, uint64_t from)
{
    const push_device_t *device = s->devices[link->client];

    for (uint64_t seq = from + 1; seq <= device->acked; seq++) {
        sim_publish_slid(s, link->client,
                         s->sent[link->client][seq % SIM_SEQS]);
    }
}

/* Of what the client has not read its TCP has acknowledged a half. */
static void collect(sim_t *s, sim_link_t *link, push_device_t *device,
                    output_t *out)
{
    push_batch_t batch = {.picks = out->picks,
                          .max = BATCH_MAX,
                          .bytes = 4096,
                          .written = link->len,
                          .arrived = link->at + (link->len - link->at) / 2};
    push_time_t now = s->w.now;
    uint64_t first = device->sent + 1;
    uint64_t acked = device->acked;

    if (s->fault == SIM_EXPIRED_SENT) {
        now.mono -= 100000;
    }
    push_mailbox_collect(s->w.heap, device, &now, &batch);
    note_slid(s, link, acked);
    out->count = batch.count;
    out->len = 0;
    s->flushes++;
    add_gaps(s, out, device, first);
    for (uint32_t i = 0; i < out->count; i++) {
        add_message(s, link, out, i);
    }
}

/* The socket took so much: the rest goes back to the mailbox. */
static void cut(sim_t *s, sim_link_t *link, push_device_t *device,
                const output_t *out, size_t taken)
{
    uint64_t seq = out->count ? out->picks[0].seq - 1 : device->sent;
    size_t begin = out->gaps_len;
    uint32_t i = 0;

    if (s->fault == SIM_UNWRITTEN_IS_SENT) {
        return;
    }
    if (taken < out->gaps_len) {
        keep_rest(link, out->text + taken, out->gaps_len - taken);
        push_session_return(s->w.heap, device, seq);
        return;
    }
    while (i < out->count && out->ends[i] <= taken) {
        begin = out->ends[i];
        seq = out->picks[i++].seq;
    }
    if (taken > begin) {
        push_message_t *message = push_at(s->w.heap, out->picks[i].ref);

        keep_rest(link, out->text + taken, out->ends[i] - taken);
        NEEDS(push_message_hold(message), "a message cannot be held");
        link->part = out->picks[i].ref;
        seq = out->picks[i].seq;
    }
    push_session_return(s->w.heap, device, seq);
}

static void supersede(sim_t *s, sim_link_t *link)
{
    static const push_notice_t notice = {.reason = "superseded",
                                         .retry_ms = 30000};

    if (!link->rest) {
        push_output_begin(&encoded, 0);
        push_codec_sse.bye(&encoded, &notice);
        put(link, encoded.scratch, encoded.bytes);
    }
    drop_rest(s, link);
    link->closed = true;
}

void sim_link_flush(sim_t *s, sim_link_t *link, size_t room)
{
    static output_t out;
    push_device_t *device = context_of(s, link);

    if (link->closed) {
        return;
    }
    if (!device) {
        supersede(s, link);
        return;
    }
    room = send_rest(s, link, room);
    if (link->rest || !room) {
        return;
    }
    collect(s, link, device, &out);
    put(link, out.text, out.len < room ? out.len : room);
    if (out.len > room) {
        cut(s, link, device, &out, room);
    }
}

void sim_link_beat(sim_t *s, sim_link_t *link)
{
    if (!link->closed && !link->rest && context_of(s, link)) {
        put(link, "\n", 1);
    }
}

void sim_link_free(sim_t *s, sim_link_t *link)
{
    drop_rest(s, link);
    free(link->bytes);
    memset(link, 0, sizeof(*link));
}

void sim_link_notice(sim_t *s, sim_link_t *link)
{
    push_device_t *device = context_of(s, link);

    if (device && !link->closed) {
        world_close(&s->w, device);
    }
    sim_link_free(s, link);
}
