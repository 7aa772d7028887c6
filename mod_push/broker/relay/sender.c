#include "broker/relay/sender.h"

#include "broker/relay/calls.h"
#include "broker/relay/leftovers.h"
#include "broker/relay/region.h"
#include "store/shm/clock.h"

/*
 * The idea: whoever publishes sets a bit for the partition and wakes the thread
 * of its own process, which takes what waits there.  If another one has that
 * list, it sees the new message when it leaves the list.  So nothing is polled
 * for what is new; what is left over, one child of the node looks for.
 */

#define STOP_MS 1500  /* for what is under way at the end */
#define FELL_MS 60000 /* between two reports */

/* ---- requests ---- */

static void finish_requests(push_relay_t *relay)
{
    CURLMsg *message;
    int running, left;

    curl_multi_perform(relay->multi, &running);
    message = curl_multi_info_read(relay->multi, &left);
    while (message) {
        push_shipment_t *shipment = NULL;

        if (message->msg == CURLMSG_DONE) {
            CURLcode result = message->data.result;

            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                              (char **)&shipment);
            push_region_posted(shipment, result);
        }
        message = curl_multi_info_read(relay->multi, &left);
    }
}

/* ---- turns ---- */

static void look_after_leftovers(push_relay_t *relay, int64_t now)
{
    if (!relay->leftovers && atomic_load(relay->options.leads)) {
        relay->leftovers = push_leftovers_create(relay);
    }
    if (relay->leftovers && atomic_load(relay->options.leads)) {
        push_leftovers_turn(relay->leftovers, now);
    }
}

static void report_fallen(push_relay_t *relay, int64_t now, bool all)
{
    uint64_t fell = 0;

    if (all || now >= relay->fell_next) {
        fell = atomic_exchange(&relay->fell, 0);
    }
    if (fell) {
        relay->fell_next = now + FELL_MS;
        relay->options.report(relay->options.data,
                              &(push_relay_report_t){PUSH_RELAY_FELL, NULL,
                                                     fell, ""});
    }
}

static int64_t sooner(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

/* For so long (ms) nothing happens by itself. */
static int sleep_of(const push_relay_t *relay, int64_t now)
{
    int64_t until = now + 250; /* whether the child leads now */

    if (relay->leftovers && atomic_load(relay->options.leads)) {
        until = sooner(until, push_leftovers_until(relay->leftovers));
    }
    for (unsigned i = 0; i < relay->options.count; i++) {
        until = sooner(until, push_region_until(&relay->regions[i]));
    }
    return until > now ? (int)(until - now) : 0;
}

static void turn(push_relay_t *relay)
{
    int64_t now = push_redis_now();

    atomic_store(&relay->rung, false);
    push_relay_calls_finish(relay);
    look_after_leftovers(relay, now);
    report_fallen(relay, now, false);
    for (unsigned i = 0; i < relay->options.count; i++) {
        push_region_turn(&relay->regions[i], now);
    }
    finish_requests(relay);
}

static bool under_way(const push_relay_t *relay)
{
    bool busy = relay->out > 0;

    for (unsigned i = 0; i < relay->options.count; i++) {
        busy = busy || push_region_busy(&relay->regions[i]);
    }
    return busy;
}

/* What is under way may end; what then is, stays for others. */
static void end(push_relay_t *relay)
{
    int64_t until = push_redis_now() + STOP_MS;

    while (under_way(relay)) {
        int64_t now = push_redis_now();

        atomic_store(&relay->rung, false);
        push_relay_calls_finish(relay);
        finish_requests(relay);
        if (now >= until) {
            for (unsigned i = 0; i < relay->options.count; i++) {
                push_region_abort(&relay->regions[i]);
            }
        }
        if (under_way(relay)) {
            curl_multi_poll(relay->multi, NULL, 0, 50, NULL);
        }
    }
    for (unsigned i = 0; i < relay->options.count; i++) {
        push_region_report_losses(&relay->regions[i], 0, true);
    }
    report_fallen(relay, 0, true);
    push_leftovers_destroy(relay->leftovers);
    relay->leftovers = NULL;
}

void *push_relay_run(void *data)
{
    push_relay_t *relay = data;

    while (!atomic_load(&relay->stop)) {
        turn(relay);
        if (!atomic_load(&relay->rung)) {
            curl_multi_poll(relay->multi, NULL, 0,
                            sleep_of(relay, push_redis_now()), NULL);
        }
    }
    end(relay);
    return NULL;
}
