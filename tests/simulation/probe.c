#include "simulation/probe.h"

#include "core/session.h"
#include "simulation/link.h"
#include "simulation/publish.h"
#include "simulation/server.h"
#include "store/ops/ack.h"
#include "store/ops/delivery.h"
#include "store/ops/keys.h"
#include "store/ops/publish.h"

static sim_t *current;

void sim_probe_begin(sim_t *s)
{
    current = s;
}

sim_t *sim_current(void)
{
    return current;
}

static bool broken(sim_fault_t fault)
{
    return current->fault == fault;
}

/* Whoever calls name gets PROBE(name), which may call REAL(name). */
#define REAL(name)   __real_##name
#define PROBE(name)  __wrap_##name
#define PROBED(name) __typeof__(name) REAL(name), PROBE(name)

/* ---- the ground ---- */

PROBED(push_clock_now);

push_time_t PROBE(push_clock_now)(void)
{
    return (push_time_t){current->now.mono, current->now.wall,
                         current->now.mono * 1000};
}

PROBED(push_clock_us);

int64_t PROBE(push_clock_us)(void)
{
    return current->now.mono * 1000;
}

PROBED(push_slab_alloc);

push_ref_t PROBE(push_slab_alloc)(push_slab_t *slab, size_t size, unsigned tag)
{
    if (current->fail_at && !--current->fail_at) {
        return PUSH_NONE;
    }
    return REAL(push_slab_alloc)(slab, size, tag);
}

/* ---- what is published ---- */

PROBED(push_store_publish);

push_status_t PROBE(push_store_publish)(push_store_t *store,
                                        const push_publication_t *publication,
                                        push_commit_t *commit,
                                        push_answer_t *answer)
{
    push_publication_t p = *publication;

    if (broken(SIM_ORDER_BY_PUBLISH)) {
        p.spec.urgency = PUSH_NORMAL;
    }
    if (broken(SIM_WRONG_USER) && p.audience.kind == PUSH_LOG_USER) {
        p.audience.name = sim_user_name(p.audience.name.at[1] == '0');
    }
    return REAL(push_store_publish)(store, &p, commit, answer);
}

PROBED(push_store_key_claim);

push_status_t PROBE(push_store_key_claim)(push_store_t *store,
                                          const push_claim_t *claim,
                                          push_audience_t *audience,
                                          const push_time_t *now,
                                          push_receipt_t *receipt)
{
    push_status_t status = REAL(push_store_key_claim)(store, claim, audience,
                                                      now, receipt);

    return status == PUSH_OVER && broken(SIM_KEY_IGNORED) ? PUSH_OK : status;
}

PROBED(push_seat_wake_device);

void PROBE(push_seat_wake_device)(const push_seats_t *seats,
                                  push_device_t *device)
{
    if (!broken(SIM_NOBODY_WOKEN)) {
        REAL(push_seat_wake_device)(seats, device);
    }
}

PROBED(push_store_next_gen);

uint32_t PROBE(push_store_next_gen)(push_store_t *store)
{
    return broken(SIM_NUMBER_KEPT) ? 1 : REAL(push_store_next_gen)(store);
}

/* ---- what is sent ---- */

static void note_picks(sim_link_t *link, const push_delivery_t *delivery)
{
    for (unsigned i = 0; i < delivery->count; i++) {
        const push_pick_t *pick = &delivery->picks[i];

        current->sent[link->client][pick->seq % SIM_SEQS] = pick->message->mid;
        link->flush[pick->seq % SIM_SEQS] = current->flushes;
        sim_publish_is_sent(current, pick->message->mid);
    }
}

/* What slid out of the window, if its client does not acknowledge. */
static void note_slid(int client, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from + 1; seq <= to; seq++) {
        sim_publish_slid(current, client,
                         current->sent[client][seq % SIM_SEQS]);
    }
}

PROBED(push_delivery_begin);

push_status_t PROBE(push_delivery_begin)(push_store_t *store,
                                         const push_stream_ref_t *stream_ref,
                                         const push_time_t *now,
                                         push_delivery_t *delivery)
{
    const push_device_t *device = push_store_device_at(store,
                                                       stream_ref->device);
    sim_link_t *link = sim_link_of_stream(current, stream_ref->gen);
    uint64_t acked = device->acked;
    bool may_fail = current->fail_at != 0;
    push_time_t when = *now;
    push_status_t status;

    when.mono -= broken(SIM_EXPIRED_SENT) ? 100000 : 0;
    status = REAL(push_delivery_begin)(store, stream_ref, &when, delivery);
    current->short_sent |= may_fail && !current->fail_at;
    if (status == PUSH_OK) {
        current->flushes++;
        note_slid(link->client, acked, device->acked);
        note_picks(link, delivery);
        if (broken(SIM_GAP_HIDDEN)) {
            delivery->gaps_count = 0;
        }
    }
    return status;
}

PROBED(push_delivery_cut);

bool PROBE(push_delivery_cut)(push_store_t *store,
                              const push_stream_ref_t *stream_ref,
                              uint64_t seq)
{
    return broken(SIM_UNWRITTEN_IS_SENT)
           || REAL(push_delivery_cut)(store, stream_ref, seq);
}

/* ---- what clients say ---- */

PROBED(push_session_ack);

push_status_t PROBE(push_session_ack)(push_heap_t *heap, push_device_t *device,
                                      const push_cursor_t *cursor,
                                      const push_time_t *now)
{
    push_cursor_t at = *cursor;

    if (broken(SIM_ACK_ONE_TOO_MANY) && at.seq < device->sent) {
        at.seq++;
        at.has_mid = false;
    }
    if (broken(SIM_STALE_ACK_TAKEN)) {
        at.has_mid = false;
    }
    return REAL(push_session_ack)(heap, device, &at, now);
}

PROBED(push_store_ack);

push_status_t PROBE(push_store_ack)(push_store_t *store, push_text_t user,
                                    const unsigned char *id,
                                    const push_cursor_t *cursor,
                                    const push_time_t *now)
{
    push_cursor_t at = *cursor;

    if (broken(SIM_SESSION_IGNORED)) {
        at.has_session = false;
    }
    return REAL(push_store_ack)(store, user, id, &at, now);
}

static const push_cursor_t *bend(push_heap_t *heap, push_device_t *device,
                                 push_cursor_t *at)
{
    push_slide_t *slide = push_window_slide(heap, &device->window);

    if (broken(SIM_STALE_FORGOTTEN)) {
        device->stale = 0;
    }
    if (broken(SIM_SLID_NOT_TOLD) && slide) {
        slide->assumed = 0;
    }
    if (broken(SIM_NOT_RESUMED) && device->sent) {
        *at = (push_cursor_t){.seq = device->sent};
    }
    if (broken(SIM_RESUME_ONE_TOO_FAR) && at->seq < device->sent
        && at->seq >= device->acked) {
        at->seq++;
        at->has_mid = false;
    }
    return at;
}

PROBED(push_session_resume);

bool PROBE(push_session_resume)(push_heap_t *heap, push_device_t *device,
                                const push_cursor_t *cursor,
                                const push_time_t *now)
{
    push_cursor_t at = {.seq = UINT64_MAX};

    if (cursor) {
        at = *cursor;
    }
    bend(heap, device, &at);
    return REAL(push_session_resume)(heap, device,
                                     at.seq == UINT64_MAX ? NULL : &at, now);
}

/* The message behind this one in its lane, or this one. */
static uint64_t next_mid(const push_heap_t *heap, const push_device_t *device,
                         uint64_t mid)
{
    const push_subscription_t *s = push_device_subscriptions(heap, device);

    for (unsigned i = 0; i < push_device_subscriptions_count(device); i++) {
        const push_log_t *log = s[i].log ? push_subscription_log(heap, &s[i])
                                         : NULL;
        push_entry_t entry;
        push_ref_t ref = PUSH_NONE;

        if (log && push_log_find(heap, log, mid, &entry)
            && push_log_read(heap, log, entry.lane, entry.at + 1, &ref)
                   == PUSH_SLOT_MESSAGE) {
            return ((const push_message_t *)push_at(heap, ref))->mid;
        }
    }
    return mid;
}

PROBED(push_session_received);

void PROBE(push_session_received)(push_heap_t *heap, push_device_t *device,
                                  uint64_t mid, const push_time_t *now)
{
    if (broken(SIM_RECEIVED_ONE_TOO_FAR)) {
        mid = next_mid(heap, device, mid);
    }
    REAL(push_session_received)(heap, device, mid, now);
}
