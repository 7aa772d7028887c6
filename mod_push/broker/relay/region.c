#include "broker/relay/region.h"

#include <string.h>
#include <sys/random.h>

#include "broker/relay/calls.h"
#include "broker/relay/post.h"
#include "store/shm/clock.h"

#define LEASE_MS  15000 /* a request, and some calls */
#define RETRY_MIN 100   /* ms */
#define RETRY_MAX 30000
#define LOSSES_MS 60000

/* Of a region that is away, one list of one lot shows whether it is back. */
#define LISTS_AWAY 1u

/* ---- reports ---- */

static void report(push_region_state_t *region, push_relay_event_t what,
                   uint64_t count, const char *detail)
{
    const push_relay_options_t *options = &region->relay->options;

    options->report(options->data,
                    &(push_relay_report_t){what, region->set, count, detail});
}

/* Once for each kind of trouble, until it takes messages again. */
static void report_trouble(push_region_state_t *region,
                           push_relay_event_t what, const char *why)
{
    push_relay_words_t *words = region->relay->options.words;

    if (region->trouble && region->reported == what) {
        return;
    }
    if (!region->trouble) {
        atomic_store(&words->regions[region->index].trouble,
                     push_clock_now().wall);
    }
    region->trouble = true;
    region->reported = what;
    report(region, what, 0, why);
}

static void report_well(push_region_state_t *region)
{
    push_relay_words_t *words = region->relay->options.words;

    /* Another child's, or one that ended, may have said so. */
    atomic_store(&words->regions[region->index].trouble, 0);
    if (region->trouble) {
        region->trouble = false;
        report(region, PUSH_RELAY_BACK, 0, "");
    }
}

void push_region_report_losses(push_region_state_t *region, int64_t now,
                               bool all)
{
    push_relay_losses_t *losses = &region->losses;

    if (!all && now < region->losses_next) {
        return;
    }
    if (losses->refused) {
        report(region, PUSH_RELAY_REFUSED, losses->refused, losses->reason);
    }
    if (losses->expired) {
        report(region, PUSH_RELAY_EXPIRED, losses->expired, "");
    }
    if (losses->refused || losses->expired) {
        region->losses_next = now + LOSSES_MS;
    }
    losses->refused = 0;
    losses->expired = 0;
}

static void count(push_region_state_t *region, const push_lot_t *lot)
{
    push_counts_t *counts = region->relay->options.counts;
    push_relay_losses_t *losses = &region->losses;

    push_count_shared(counts, PUSH_COUNT_RELAYED + PUSH_BY_RELAYED_SENT,
                      lot->sent);
    push_count_shared(counts, PUSH_COUNT_RELAYED + PUSH_BY_RELAYED_REFUSED,
                      lot->refused);
    push_count_shared(counts, PUSH_COUNT_RELAYED + PUSH_BY_RELAYED_EXPIRED,
                      lot->expired);
    losses->refused += lot->refused;
    losses->expired += lot->expired;
    if (lot->refused) {
        memcpy(losses->reason, lot->reason, sizeof(losses->reason));
    }
}

/* ---- the end of a shipment ---- */

static void is_idle(push_shipment_t *shipment)
{
    for (unsigned i = 0; i < shipment->lot.lists_count; i++) {
        push_partitions_drop(&shipment->region->busy,
                             shipment->lot.lists[i].partition);
    }
    push_lot_clear(&shipment->lot);
    shipment->step = PUSH_SHIPMENT_IDLE;
}

static void left_list(push_relay_call_t *call)
{
    push_shipment_t *shipment = call->data;
    push_region_state_t *region = shipment->region;
    const push_lot_list_t *list = &shipment->lot.lists[call->index];
    uint32_t waiting = 0;

    /* Where Redis does not answer, the lease ends by itself, and what is in
     * the list is found again. */
    if (call->request.failure == PUSH_FAILURE_NONE
        && push_relay_done_reply(call->request.reply, &waiting) && waiting) {
        push_partitions_add(&region->ready, list->partition);
    }
    push_request_cleanup(&call->request);
    if (!--shipment->out) {
        is_idle(shipment);
    }
}

/* What is over leaves the lists, which are anybody's again. */
static void leave_lists(push_shipment_t *shipment)
{
    push_relay_t *relay = shipment->region->relay;

    shipment->step = PUSH_SHIPMENT_ENDING;
    for (unsigned i = 0; i < shipment->lot.lists_count; i++) {
        const push_lot_list_t *list = &shipment->lot.lists[i];
        push_relay_call_t *call = &shipment->calls[i];
        push_command_t *command;

        if (!list->taken) {
            continue;
        }
        command = push_relay_call_begin(relay, call, list->partition);
        push_library_relay_done(
            command,
            &(push_relay_done_call_t){
                .home = {{relay->options.prefix,
                          (uint32_t)strlen(relay->options.prefix)},
                         list->partition},
                .region = relay->lists[shipment->region->index].region,
                .holder = {relay->holder, (uint32_t)strlen(relay->holder)},
                .taken = list->taken,
                .ticks = list->over_ticks,
                .count = list->over});
        call->over = left_list;
        call->data = shipment;
        call->index = i;
        shipment->out++;
        push_relay_call(call);
    }
    if (!shipment->out) {
        is_idle(shipment);
    }
}

/* ---- the request ---- */

/* A random time up to 200 ms, 400 ms … 30 s, at least what the region asks:
 * another one in each process, so not random(), which nobody seeds. */
static void wait_more(push_region_state_t *region, int64_t later)
{
    int64_t most = RETRY_MIN;
    uint32_t random = 0;

    region->failures++;
    for (unsigned i = 0; i < region->failures && most < RETRY_MAX; i++) {
        most *= 2;
    }
    most = most < RETRY_MAX ? most : RETRY_MAX;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0) {
        random = UINT32_MAX / 2;
    }
    region->until = push_redis_now() + later + RETRY_MIN / 2
                    + (int64_t)random % most;
}

void push_region_posted(push_shipment_t *shipment, CURLcode result)
{
    static const push_relay_event_t events[] = {
        [PUSH_POST_AWAY] = PUSH_RELAY_AWAY,
        [PUSH_POST_DENIED] = PUSH_RELAY_DENIED,
        [PUSH_POST_WRONG] = PUSH_RELAY_WRONG};
    push_region_state_t *region = shipment->region;
    char why[PUSH_POST_WHY] = "";
    int64_t later = 0;
    push_post_end_t end = push_post_over(shipment, result, why, &later);

    count(region, &shipment->lot);
    if (end != PUSH_POST_TAKEN) {
        report_trouble(region, events[end], why);
        wait_more(region, later);
    }
    else {
        region->failures = 0;
        report_well(region);
        if (shipment->lot.again) {
            wait_more(region, later);
        }
    }
    leave_lists(shipment);
}

static void post(push_shipment_t *shipment)
{
    shipment->step = PUSH_SHIPMENT_POSTING;
    if (!push_post_start(shipment)) {
        push_lot_unanswered(&shipment->lot);
        wait_more(shipment->region, 0);
        leave_lists(shipment);
    }
}

/* ---- its beginning ---- */

static void have_taken(push_relay_call_t *call)
{
    push_shipment_t *shipment = call->data;
    push_relay_t *relay = call->relay;

    if (call->request.failure == PUSH_FAILURE_NONE
        && !push_lot_add(&shipment->lot, &shipment->lot.lists[call->index],
                         call->request.reply, relay->options.cluster)) {
        wait_more(shipment->region, 0);
    }
    push_request_cleanup(&call->request);
    if (--shipment->out) {
        return;
    }
    if (shipment->lot.lines_count && !atomic_load(&relay->stop)) {
        post(shipment);
        return;
    }
    count(shipment->region, &shipment->lot);
    leave_lists(shipment);
}

static void take(push_shipment_t *shipment, unsigned partition)
{
    push_region_state_t *region = shipment->region;
    push_relay_t *relay = region->relay;
    unsigned index = shipment->lot.lists_count;
    push_relay_call_t *call = &shipment->calls[index];

    push_lot_list(&shipment->lot, partition);
    push_partitions_drop(&region->ready, partition);
    push_partitions_add(&region->busy, partition);
    push_library_relay_take(
        push_relay_call_begin(relay, call, partition),
        &(push_relay_take_call_t){
            .home = {{relay->options.prefix,
                      (uint32_t)strlen(relay->options.prefix)},
                     partition},
            .region = relay->lists[region->index].region,
            .holder = {relay->holder, (uint32_t)strlen(relay->holder)},
            .lease = LEASE_MS,
            .entries = PUSH_LOT_ENTRIES,
            .bytes = PUSH_LOT_BYTES});
    call->over = have_taken;
    call->data = shipment;
    call->index = index;
    shipment->out++;
}

/* The next partition that is ready and in no shipment; PUSH_PARTITIONS: none. */
static unsigned next_ready(push_region_state_t *region)
{
    for (unsigned word = 0; word <= PUSH_RELAY_BITS; word++) {
        unsigned at = (region->next / 64 + word) % PUSH_RELAY_BITS;
        uint64_t bits = region->ready.bits[at] & ~region->busy.bits[at];

        if (!word) {
            bits &= ~UINT64_C(0) << region->next % 64;
        }
        if (bits) {
            unsigned found = at * 64 + (unsigned)__builtin_ctzll(bits);

            region->next = (found + 1) % PUSH_PARTITIONS;
            return found;
        }
    }
    return PUSH_PARTITIONS;
}

static bool begin(push_shipment_t *shipment)
{
    push_region_state_t *region = shipment->region;
    unsigned most = region->failures ? LISTS_AWAY : PUSH_LOT_LISTS;
    unsigned partition = next_ready(region);

    while (partition < PUSH_PARTITIONS) {
        take(shipment, partition);
        partition = shipment->out < most ? next_ready(region)
                                         : PUSH_PARTITIONS;
    }
    if (!shipment->out) {
        return false;
    }
    shipment->step = PUSH_SHIPMENT_TAKING;
    for (unsigned i = 0, count_ = shipment->out; i < count_; i++) {
        push_relay_call(&shipment->calls[i]);
    }
    return true;
}

/* ---- turns ---- */

static void take_woken(push_region_state_t *region)
{
    for (unsigned i = 0; i < PUSH_RELAY_BITS; i++) {
        if (atomic_load_explicit(&region->woken[i], memory_order_relaxed)) {
            region->ready.bits[i] |= atomic_exchange(&region->woken[i], 0);
        }
    }
}

void push_region_turn(push_region_state_t *region, int64_t now)
{
    unsigned most = region->failures ? 1 : PUSH_SHIPMENTS;
    unsigned under_way = 0;

    take_woken(region);
    push_region_report_losses(region, now, false);
    for (unsigned i = 0; i < PUSH_SHIPMENTS; i++) {
        under_way += region->shipments[i].step != PUSH_SHIPMENT_IDLE;
    }
    for (unsigned i = 0;
         i < PUSH_SHIPMENTS && under_way < most && now >= region->until; i++) {
        push_shipment_t *shipment = &region->shipments[i];

        if (shipment->step != PUSH_SHIPMENT_IDLE) {
            continue;
        }
        if (!begin(shipment)) {
            return;
        }
        under_way++;
    }
}

static bool has_ready(const push_region_state_t *region)
{
    for (unsigned i = 0; i < PUSH_RELAY_BITS; i++) {
        if (region->ready.bits[i]) {
            return true;
        }
    }
    return false;
}

int64_t push_region_until(const push_region_state_t *region)
{
    return region->until > push_redis_now() && has_ready(region)
               ? region->until
               : INT64_MAX;
}

bool push_region_busy(const push_region_state_t *region)
{
    for (unsigned i = 0; i < PUSH_SHIPMENTS; i++) {
        if (region->shipments[i].step != PUSH_SHIPMENT_IDLE) {
            return true;
        }
    }
    return false;
}

void push_region_abort(push_region_state_t *region)
{
    for (unsigned i = 0; i < PUSH_SHIPMENTS; i++) {
        push_shipment_t *shipment = &region->shipments[i];

        if (shipment->step == PUSH_SHIPMENT_POSTING) {
            curl_multi_remove_handle(region->relay->multi, shipment->easy);
            push_lot_unanswered(&shipment->lot);
            leave_lists(shipment);
        }
    }
}

bool push_region_init(push_region_state_t *region, push_relay_t *relay,
                      unsigned index)
{
    bool made = true;

    region->relay = relay;
    region->index = index;
    region->set = &relay->options.regions[index];
    for (unsigned i = 0; i < PUSH_SHIPMENTS; i++) {
        region->shipments[i].region = region;
        made = push_post_init(&region->shipments[i]) && made;
    }
    return made;
}

void push_region_cleanup(push_region_state_t *region)
{
    for (unsigned i = 0; i < PUSH_SHIPMENTS; i++) {
        push_lot_clear(&region->shipments[i].lot);
        push_post_cleanup(&region->shipments[i]);
    }
}
