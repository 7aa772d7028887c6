#include "core/mailbox.h"

#include "core/event.h"
#include "core/fits.h"
#include "core/message_texts.h"
#include "core/tally_message.h"

/*
 * The idea: a mailbox is not kept, it is read.  Each subscription has a cursor
 * in each lane of its log; what may be sent next is, in the most urgent lane
 * that has something, the lowest mid that stands at any cursor and that is
 * alive and meant for this device.  So urgency decides at the moment of
 * writing, and within one urgency the order of publishing, whatever the
 * audience.  What is passed over on the way, because it was evicted, is
 * counted as a loss; told[] says up to where that was done, so that a cursor
 * that goes back counts nothing twice.
 *
 * Nobody keeps how many are pending: that is counted by a walk, where a limit
 * or an administrator asks for it.
 */

/* The next message of one subscription in the lane at hand. */
typedef struct {
    uint64_t mid; /* UINT64_MAX: there is none */
    push_ref_t ref;
} candidate_t;

/* It is there, and meant for the device but for what its predicate says. */
static bool addressed(const push_heap_t *heap, const push_device_t *device,
                      const push_message_t *message, unsigned subscription,
                      const push_time_t *now)
{
    if (!push_message_alive(message, now->mono)
        || push_device_missed(device, message)) {
        return false;
    }
    return subscription != PUSH_SUBSCRIPTION_USER
           || (push_device_named(heap, device, message)
               && !push_message_outcome(heap, message,
                                        push_ref_of(heap, device)));
}

static bool sendable(const push_heap_t *heap, const push_device_t *device,
                     const push_message_t *message, unsigned subscription,
                     const push_time_t *now)
{
    return addressed(heap, device, message, subscription, now)
           && push_device_fits(heap, device, message);
}

/* Counts once what is passed over because its predicate does not hold. */
static void count_filtered(push_heap_t *heap, const push_device_t *device,
                           push_position_t at, const push_message_t *message,
                           const push_time_t *now)
{
    const push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[at.subscription];

    if (message->topic_len & PUSH_MESSAGE_WHERE
        && !push_before(at.at, subscription->reported[at.lane])
        && addressed(heap, device, message, at.subscription, now)) {
        push_tally_message(heap, message, PUSH_TALLY_FILTERED);
        push_count_settled(heap, PUSH_BY_OUTCOME_FILTERED, at.lane, 1);
        if (message->traits & PUSH_TRAIT_RECEIPT) {
            push_event_of_drop(heap, message, device, PUSH_FILTERED, now);
        }
    }
}

typedef struct {
    push_gap_t reason;
    uint32_t until; /* the position behind the last that was dropped */
} loss_t;

static void count_loss(push_device_t *device,
                       push_subscription_t *subscription, unsigned lane,
                       loss_t loss)
{
    uint32_t from = subscription->reported[lane];

    if (push_before(from, subscription->cursor[lane])) {
        from = subscription->cursor[lane];
    }
    if (push_before(from, loss.until)) {
        device->losses.count[loss.reason][lane] += loss.until - from;
        PUSH_FAILPOINT("read-loss-counted");
        subscription->reported[lane] = loss.until;
    }
}

/* All that the cursor has passed is accounted for. */
static void catch_up(push_subscription_t *subscription, unsigned lane)
{
    if (push_before(subscription->reported[lane],
                    subscription->cursor[lane])) {
        subscription->reported[lane] = subscription->cursor[lane];
    }
}

/* Moves the cursor to the next message that may be sent, if there is one. */
static candidate_t read_candidate(push_heap_t *heap, push_device_t *device,
                                  unsigned index, unsigned lane,
                                  const push_time_t *now)
{
    push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[index];
    const push_log_t *log = push_subscription_log(heap, subscription);
    const push_lane_t *l = &log->lanes[lane];
    candidate_t none = {UINT64_MAX, PUSH_NONE};
    push_ref_t ref = PUSH_NONE;
    uint32_t tail;

    if (subscription->joined == PUSH_LEFT) {
        return none;
    }
    for (;;) {
        switch (
            push_log_read(heap, log, lane, subscription->cursor[lane], &ref)) {
        case PUSH_SLOT_END:
            catch_up(subscription, lane);
            return none;
        case PUSH_SLOT_PASSED:
            tail = push_lane_tail(l); /* read first: it is stored last */
            count_loss(device, subscription, lane,
                       (loss_t){PUSH_GAP_MEMORY, l->evicted});
            subscription->cursor[lane] = tail;
            continue;
        case PUSH_SLOT_EVICTED:
            count_loss(device, subscription, lane,
                       (loss_t){PUSH_GAP_MEMORY,
                                subscription->cursor[lane] + 1});
            break;
        case PUSH_SLOT_GONE:
            break;
        case PUSH_SLOT_MESSAGE: {
            const push_message_t *message = push_at(heap, ref);

            if (sendable(heap, device, message, index, now)) {
                catch_up(subscription, lane);
                return (candidate_t){message->mid, ref};
            }
            count_filtered(heap, device,
                           (push_position_t){(uint16_t)index, (uint16_t)lane,
                                             subscription->cursor[lane]},
                           message, now);
            break;
        }
        }
        subscription->cursor[lane]++;
    }
}

static unsigned oldest(const candidate_t *candidates, unsigned count)
{
    unsigned found = 0;

    for (unsigned i = 1; i < count; i++) {
        if (candidates[i].mid < candidates[found].mid) {
            found = i;
        }
    }
    return found;
}

static bool is_explicit(const push_device_t *device)
{
    return device->traits & PUSH_DEVICE_EXPLICIT;
}

static bool window_open(const push_device_t *device)
{
    uint64_t most = device->max_in_flight;

    return push_session_in_flight(device)
           < (is_explicit(device) ? most : 2 * most);
}

static void check_mark(push_slide_t *slide, uint64_t arrived)
{
    if (slide->mark != slide->arrived && arrived >= slide->mark_at) {
        slide->arrived = slide->mark;
    }
}

/* More may have arrived than the mark asks for; then the next mark is set. */
static void note_arrival(const push_heap_t *heap, const push_device_t *device,
                         const push_batch_t *batch)
{
    push_slide_t *slide = push_window_slide(heap, &device->window);

    if (!slide) {
        return;
    }
    check_mark(slide, batch->arrived);
    if (slide->mark == slide->arrived
        && (batch->arrived
            || push_session_in_flight(device) >= device->max_in_flight)) {
        slide->mark = (uint32_t)device->sent;
        slide->mark_at = batch->written;
        check_mark(slide, batch->arrived);
    }
}

/*
 * The oldest counts as acknowledged, if it has arrived.  One that was sent
 * before this batch stays: with the last the window forgets how it slid.
 */
static bool make_way(push_heap_t *heap, push_device_t *device,
                     const push_time_t *now, push_batch_t *batch)
{
    const push_slide_t *slide = push_window_slide(heap, &device->window);
    uint32_t next = (uint32_t)device->acked + 1;

    if (is_explicit(device)) {
        return false;
    }
    if (!slide || push_session_in_flight(device) - batch->count < 2
        || push_before(slide->arrived, next)) {
        batch->full = true;
        return false;
    }
    push_session_slide(heap, device, now);
    return true;
}

/* Appends the position to the window; a full window slides, if it may. */
static bool take_position(push_heap_t *heap, push_device_t *device,
                          push_position_t position, const push_time_t *now,
                          push_batch_t *batch)
{
    while (!window_open(device)
           || push_window_append(heap, &device->window, position) != PUSH_OK) {
        if (!make_way(heap, device, now, batch)) {
            return false;
        }
    }
    if (!push_session_in_flight(device)) {
        push_slide_t *slide = push_window_slide(heap, &device->window);

        slide->arrived = (uint32_t)device->acked;
        slide->mark = slide->arrived;
    }
    return true;
}

typedef struct {
    push_ref_t ref;
    push_position_t position;
} found_t;

/* Puts one message into flight; false if the batch has to end before it. */
static bool take(push_heap_t *heap, push_device_t *device, found_t found,
                 const push_time_t *now, push_batch_t *batch)
{
    const push_message_t *message = push_at(heap, found.ref);
    uint32_t size = push_message_size(message);

    if (is_explicit(device) && !window_open(device)) {
        return false;
    }
    batch->more = batch->count == batch->max
                  || (batch->count && size > batch->bytes);
    if (batch->more
        || !take_position(heap, device, found.position, now, batch)) {
        return false;
    }
    PUSH_FAILPOINT("collect-in-window");
    device->sent++;
    PUSH_FAILPOINT("collect-sent");
    batch->picks[batch->count++] = (push_pick_t){message, found.ref,
                                                 device->sent};
    batch->bytes -= size < batch->bytes ? size : batch->bytes;
    return true;
}

/* False when the batch is full. */
static bool collect_lane(push_heap_t *heap, push_device_t *device,
                         unsigned lane, const push_time_t *now,
                         push_batch_t *batch)
{
    push_subscription_t *subscriptions = push_device_subscriptions(heap,
                                                                   device);
    candidate_t candidates[PUSH_SUBSCRIPTION_CHANNELS + PUSH_CHANNELS_MAX];
    unsigned count = push_device_subscriptions_count(device);

    for (unsigned i = 0; i < count; i++) {
        candidates[i] = read_candidate(heap, device, i, lane, now);
    }
    for (;;) {
        unsigned i = oldest(candidates, count);
        push_position_t position = {(uint16_t)i, (uint16_t)lane,
                                    subscriptions[i].cursor[lane]};

        if (!candidates[i].ref) {
            return true;
        }
        if (!take(heap, device, (found_t){candidates[i].ref, position}, now,
                  batch)) {
            return false;
        }
        subscriptions[i].cursor[lane]++;
        candidates[i] = read_candidate(heap, device, i, lane, now);
    }
}

/* The first message of the batch is timed, unless one before it still is. */
static void time_first(const push_heap_t *heap, const push_device_t *device,
                       const push_time_t *now, const push_batch_t *batch)
{
    push_slide_t *slide = push_window_slide(heap, &device->window);
    uint32_t first = (uint32_t)device->sent - batch->count + 1;

    if (slide
        && (!push_before((uint32_t)device->acked, slide->mark)
            || !push_before(slide->mark, first))) {
        slide->mark = first;
        slide->mark_at = (uint64_t)now->mono;
    }
}

void push_mailbox_collect(push_heap_t *heap, push_device_t *device,
                          const push_time_t *now, push_batch_t *batch)
{
    batch->count = 0;
    batch->more = false;
    batch->full = false;
    if (batch->max > device->max_in_flight) {
        batch->max = device->max_in_flight;
    }
    if (!is_explicit(device)) {
        note_arrival(heap, device, batch);
    }
    for (unsigned lane = 0; lane <= device->lowest; lane++) {
        if (!collect_lane(heap, device, lane, now, batch)) {
            break;
        }
    }
    if (batch->count && is_explicit(device)) {
        time_first(heap, device, now, batch);
    }
}

/* The oldest pending message in a lane of a subscription, from at on. */
static push_message_t *pending_from(const push_heap_t *heap,
                                    const push_device_t *device,
                                    push_position_t *position,
                                    const push_time_t *now)
{
    const push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[position->subscription];
    const push_log_t *log = push_subscription_log(heap, subscription);
    push_ref_t ref = PUSH_NONE;

    if (subscription->joined == PUSH_LEFT) {
        return NULL;
    }
    for (;;) {
        switch (push_log_read(heap, log, position->lane, position->at, &ref)) {
        case PUSH_SLOT_END:
            return NULL;
        case PUSH_SLOT_PASSED:
            position->at = push_lane_tail(&log->lanes[position->lane]);
            continue;
        case PUSH_SLOT_MESSAGE:
            if (sendable(heap, device, push_at(heap, ref),
                         position->subscription, now)) {
                return push_at(heap, ref);
            }
            break;
        default:
            break;
        }
        position->at++;
    }
}

static uint32_t pending_in_lane(const push_heap_t *heap,
                                const push_device_t *device,
                                push_position_t position,
                                const push_time_t *now)
{
    uint32_t count = 0;

    while (pending_from(heap, device, &position, now)) {
        count++;
        position.at++;
    }
    return count;
}

uint32_t push_mailbox_pending(const push_heap_t *heap,
                              const push_device_t *device,
                              const push_time_t *now, unsigned from,
                              unsigned to)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);
    uint32_t count = 0;

    for (unsigned i = from; i < to; i++) {
        for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
            push_position_t position = {(uint16_t)i, (uint16_t)lane,
                                        subscriptions[i].cursor[lane]};

            count += pending_in_lane(heap, device, position, now);
        }
    }
    return count;
}

uint32_t push_mailbox_filtered(const push_heap_t *heap,
                               const push_device_t *device,
                               const push_time_t *now)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);
    uint32_t count = 0;

    for (unsigned i = 0; i < push_device_subscriptions_count(device); i++) {
        for (unsigned lane = device->lowest + 1u; lane < PUSH_LANES; lane++) {
            push_position_t position = {(uint16_t)i, (uint16_t)lane,
                                        subscriptions[i].cursor[lane]};

            count += pending_in_lane(heap, device, position, now);
        }
    }
    return count;
}

/* An upper bound of the pending messages of the user, at no cost. */
static uint32_t pending_at_most(const push_heap_t *heap,
                                const push_device_t *device)
{
    const push_subscription_t *subscription = push_device_subscriptions(
        heap, device);
    const push_log_t *log = push_subscription_log(heap, subscription);
    uint32_t count = 0;

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        count += push_lane_head(&log->lanes[lane])
                 - subscription->cursor[lane];
    }
    return count;
}

#define CROWDED_PERCENT 80u

bool push_mailbox_below(const push_heap_t *heap, const push_device_t *device,
                        uint32_t limit, const push_time_t *now)
{
    return pending_at_most(heap, device) < limit
           || push_mailbox_pending(heap, device, now, PUSH_SUBSCRIPTION_USER,
                                   PUSH_SUBSCRIPTION_BROADCAST)
                  < limit;
}

bool push_mailbox_crowded(const push_heap_t *heap, const push_device_t *device,
                          uint32_t limit, const push_time_t *now)
{
    uint64_t crowded = (uint64_t)limit * CROWDED_PERCENT / 100;

    return pending_at_most(heap, device) >= crowded
           && push_mailbox_pending(heap, device, now, PUSH_SUBSCRIPTION_USER,
                                   PUSH_SUBSCRIPTION_BROADCAST)
                  >= crowded;
}

/* PUSH_MAILBOX_FULL if nothing is pending in this lane. */
static push_status_t displace(push_heap_t *heap, push_device_t *device,
                              unsigned lane, const push_time_t *now)
{
    push_subscription_t *subscription = push_device_subscriptions(heap,
                                                                  device);
    push_position_t position = {PUSH_SUBSCRIPTION_USER, (uint16_t)lane,
                                subscription->cursor[lane]};
    push_message_t *message = pending_from(heap, device, &position, now);

    if (!message) {
        return PUSH_MAILBOX_FULL;
    }
    device->losses.count[PUSH_GAP_MAILBOX][lane]++;
    PUSH_FAILPOINT("displace-counted");
    /* Behind the cursor and without a note it would count as acknowledged. */
    if (!push_message_settle(heap, message, push_ref_of(heap, device),
                             PUSH_EVICTED, now)) {
        device->losses.count[PUSH_GAP_MAILBOX][lane]--;
        return PUSH_NO_MEMORY;
    }
    PUSH_FAILPOINT("displace-settled");
    subscription->cursor[lane] = position.at + 1;
    push_tally_message(heap, message, PUSH_TALLY_EVICTED);
    push_count_settled(heap, PUSH_BY_OUTCOME_EVICTED, lane, 1);
    push_event_of_drop(heap, message, device, PUSH_EVICTED, now);
    return PUSH_OK;
}

push_status_t push_mailbox_make_room(push_heap_t *heap, push_device_t *device,
                                     push_urgency_t urgency, uint32_t limit,
                                     const push_time_t *now)
{
    if (push_mailbox_below(heap, device, limit, now)) {
        return PUSH_OK;
    }
    for (unsigned lane = PUSH_LANES; lane-- > urgency;) {
        push_status_t status = displace(heap, device, lane, now);

        if (status != PUSH_MAILBOX_FULL) {
            return status;
        }
    }
    return PUSH_MAILBOX_FULL;
}

bool push_mailbox_gap(const push_device_t *device, push_gap_t *reason,
                      push_urgency_t *urgency, uint32_t *dropped)
{
    for (int i = 0; i < PUSH_GAPS; i++) {
        for (int j = 0; j < PUSH_LANES; j++) {
            if (device->losses.count[i][j]) {
                *reason = (push_gap_t)i;
                *urgency = (push_urgency_t)j;
                *dropped = device->losses.count[i][j];
                return true;
            }
        }
    }
    return false;
}

void push_mailbox_gap_reported(push_device_t *device, push_gap_t reason,
                               push_urgency_t urgency)
{
    uint32_t *loss = &device->losses.count[reason][urgency];

    device->gaps.count[reason][urgency] += *loss;
    PUSH_FAILPOINT("gap-reported");
    *loss = 0;
    device->gap_seq = device->sent + 1;
}
