#include "stream/loop/reply.h"

#include <stdlib.h>
#include <string.h>

/*
 * A poll has one answer, which is made whole in memory of its own: what its
 * client does not get, the next poll gets, so nothing goes back to the mailbox
 * and no message is held. A poll that finds messages, or may not wait, is
 * answered in httpd's thread: it claims its device with the seat of a reactor
 * that never sees it, copies the messages with the device's shard locked
 * (push_delivery_poll()), and releases the device. One that waits goes to the
 * reactor as a stream does, with the end of its wait as its deadline.
 */

/*
 * The log of the message is there: the device of the stream subscribes to it,
 * and a log that it gives up from now on stays for as long as we read.
 */
push_letter_t push_letter_for(const push_store_t *store,
                              const push_message_t *message,
                              const char *device, unsigned meta)
{
    push_letter_t letter = {.message = message,
                            .device = {device, (uint32_t)strlen(device)},
                            .meta = meta};

    if (meta & PUSH_META_CHANNEL && message->traits & PUSH_TRAIT_CHANNEL) {
        letter.channel = push_channel_name(
            push_at(&store->heaps[0], message->log));
    }
    return letter;
}

static bool make_room(push_reply_t *reply, size_t more)
{
    size_t room = reply->len + more;
    char *bytes;

    if (room <= reply->room) {
        return true;
    }
    room += room / 2;
    bytes = realloc(reply->bytes, room);
    if (!bytes) {
        reply->failed = true;
        return false;
    }
    reply->bytes = bytes;
    reply->room = room;
    return true;
}

static void gather(push_reply_t *reply, const push_output_t *out)
{
    if (reply->failed || !make_room(reply, out->bytes)) {
        return;
    }
    for (unsigned i = 0; i < out->count; i++) {
        memcpy(reply->bytes + reply->len, out->pieces[i].iov_base,
               out->pieces[i].iov_len);
        reply->len += out->pieces[i].iov_len;
    }
}

/* In as many outputs as it takes. */
static void add_message(push_reply_t *reply, push_output_t *out,
                        push_letter_t letter)
{
    size_t done = 0;

    do {
        push_output_begin(out, done);
        reply->codec->message(out, &letter);
        gather(reply, out);
        done += out->bytes;
    } while (out->cut && !reply->failed);
    push_written_sums_add(reply->sums, letter.message, 1, done);
}

static void add_seam(push_reply_t *reply, push_output_t *out, push_seam_t seam)
{
    push_output_begin(out, 0);
    reply->codec->seam(out, seam);
    gather(reply, out);
}

static void add_gaps(push_reply_t *reply, push_output_t *out,
                     const push_delivery_t *delivery)
{
    for (unsigned i = 0; i < delivery->gaps_count; i++) {
        if (i) {
            add_seam(reply, out, PUSH_SEAM_NEXT);
        }
        push_output_begin(out, 0);
        reply->codec->gap(out, &delivery->gaps[i]);
        gather(reply, out);
    }
}

void push_reply_write(push_reply_t *reply, push_output_t *out,
                      const push_delivery_t *delivery)
{
    push_letter_t letter = {0};

    add_seam(reply, out, PUSH_SEAM_BEGIN);
    add_gaps(reply, out, delivery);
    add_seam(reply, out, PUSH_SEAM_MESSAGES);
    for (unsigned i = 0; i < delivery->count; i++) {
        const push_pick_t *pick = &delivery->picks[i];

        if (i && reply->codec->single) {
            break;
        }
        if (i) {
            add_seam(reply, out, PUSH_SEAM_NEXT);
        }
        letter = push_letter_for(reply->store, pick->message, delivery->device,
                                 reply->meta);
        letter.seq = pick->seq;
        add_message(reply, out, letter);
    }
    add_seam(reply, out, PUSH_SEAM_END);
    push_output_begin(out, 0);
    reply->codec->batch_end(out, delivery->count ? &letter : NULL,
                            delivery->more || delivery->closed);
    gather(reply, out);
}

/* ---- a poll in a worker's thread ---- */

static bool copy_delivery(void *data, const push_delivery_t *delivery,
                          push_written_sums_t *sums)
{
    push_reply_t *reply = data;
    push_output_t *out;

    reply->sums = sums;
    if (!delivery->count && !delivery->gaps_count) {
        return true;
    }
    out = malloc(sizeof(*out));
    reply->failed = !out;
    if (out) {
        push_reply_write(reply, out, delivery);
    }
    free(out);
    return !reply->failed;
}

push_status_t push_poll_answer(push_store_t *store, push_poll_t *poll,
                               const push_time_t *now)
{
    push_reply_t reply = {
        .store = store, .codec = poll->codec, .meta = poll->meta};
    const push_copier_t copier = {copy_delivery, &reply};
    push_delivery_t delivery;
    push_status_t status;

    delivery.written = 0;
    delivery.arrived = 0;
    delivery.hold_gaps = poll->waits;
    status = push_delivery_poll(store, &poll->stream_ref, now, &delivery,
                                &copier);
    if (status != PUSH_OK) {
        free(reply.bytes);
        return status;
    }
    poll->messages = delivery.count;
    poll->gaps = delivery.gaps_count;
    poll->sent = delivery.sent;
    poll->bytes = reply.bytes;
    poll->len = reply.len;
    return PUSH_OK;
}
