#include "store/ops/view.h"

#include <stdatomic.h>
#include <string.h>

#include "store/disk/disk.h"
#include "store/disk/journal.h"
#include "store/shard/owned.h"
#include "store/shard/shard.h"
#include "store/shm/clock.h"

static void view_device(push_store_t *store, const push_device_t *device,
                        const push_time_t *now, push_device_view_t *view)
{
    const push_heap_t *heap = &store->heaps[device->shard];
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);
    const push_user_t *user = push_at(heap, device->user);

    view->id = device->id;
    view->user = (push_text_t){user->name, user->name_len};
    for (int i = 0; i < PUSH_LABELS; i++) {
        view->labels[i] = push_device_label(heap, device, (push_label_t)i);
    }
    view->online = device->traits & PUSH_DEVICE_ONLINE;
    view->unheld = false;
    view->stale = false;
    view->explicit_acks = device->traits & PUSH_DEVICE_EXPLICIT;
    view->first_seen = device->first_seen;
    view->last_seen = view->online ? now->wall : device->last_seen;
    view->last_ack = device->last_ack;
    view->pending = push_mailbox_pending(
        heap, device, now, PUSH_SUBSCRIPTION_USER,
        push_device_subscriptions_count(device));
    view->in_flight = push_session_in_flight(device);
    view->acked = device->acked;
    view->sent = device->sent;
    view->channels_count = 0;
    for (unsigned i = PUSH_SUBSCRIPTION_CHANNELS;
         i < push_device_subscriptions_count(device); i++) {
        if (subscriptions[i].joined != PUSH_LEFT) {
            view->channels[view->channels_count++] = push_channel_name(
                push_at(heap, subscriptions[i].log));
        }
    }
}

push_status_t push_view_devices(push_store_t *store, push_text_t text,
                                const push_time_t *now,
                                push_device_visit_t *visit, void *data)
{
    push_name_t name = push_store_name(store, text);
    push_status_t status = PUSH_NOT_FOUND;
    const push_user_t *user;

    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    user = push_store_user(store, &name, false);
    if (user) {
        push_ref_t ref = user->devices;

        status = PUSH_OK;
        while (ref) {
            const push_device_t *device = push_store_device_at(store, ref);
            push_device_view_t view;

            if (!push_is_left_over(store, device)) {
                view_device(store, device, now, &view);
                visit(data, &view);
            }
            ref = device->sibling;
        }
    }
    push_shard_leave(store, name.shard);
    return status;
}

push_status_t push_view_device(push_store_t *store, const unsigned char *id,
                               const push_time_t *now,
                               push_device_visit_t *visit, void *data)
{
    push_status_t status = PUSH_NOT_FOUND;

    for (unsigned i = 0; i < PUSH_SHARDS && status == PUSH_NOT_FOUND; i++) {
        const push_device_t *device;

        if (!push_shard_enter(store, i)) {
            return PUSH_BUSY;
        }
        device = push_store_device(store, i, id);
        if (device && !push_is_left_over(store, device)) {
            push_device_view_t view;

            view_device(store, device, now, &view);
            visit(data, &view);
            status = PUSH_OK;
        }
        push_shard_leave(store, i);
    }
    return status;
}

uint32_t push_view_messages(const push_heap_t *heap, const push_log_t *log,
                            const push_time_t *now)
{
    uint32_t count = 0;

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &log->lanes[lane];

        for (uint32_t at = l->tail; at != l->head; at++) {
            push_ref_t ref = PUSH_NONE;

            if (push_log_read(heap, log, lane, at, &ref) == PUSH_SLOT_MESSAGE
                && push_message_alive(push_at(heap, ref), now->mono)) {
                count++;
            }
        }
    }
    return count;
}

void push_view_reactors(const push_store_t *store, push_reactor_visit_t *visit,
                        void *data)
{
    for (uint32_t i = 0; i < store->seats.count; i++) {
        const push_seat_t *seat = &store->seats.seats[i];
        push_reactor_view_t view = {.pid = atomic_load(&seat->pid),
                                    .seat = i,
                                    .streams = atomic_load(&seat->streams),
                                    .reserved = atomic_load(&seat->reserved),
                                    .busy = seat->counts.of[PUSH_COUNT_BUSY]
                                            / 1000,
                                    .generation = seat->pulse.generation,
                                    .draining = atomic_load(&seat->closed),
                                    .beat = seat->pulse.beat};

        if (view.pid && !push_seat_vacant(seat)) {
            visit(data, &view);
        }
    }
}

void push_view_figures(const push_store_t *store, push_stats_view_t *stats)
{
    uint64_t sums[PUSH_COUNTS];

    *stats = (push_stats_view_t){
        .memory_size = push_slab_size(&store->slab),
        .memory_used = store->segment->slab.used,
        .recovered = store->segment->recovered + store->segment->slab.repairs,
        .feeds_dropped = store->segment->feeds.dropped};
    push_store_counts(store, sums);
    for (int i = 0; i < PUSH_TOTALS; i++) {
        stats->counts[i] = push_total_of(sums, (push_total_t)i);
    }
    for (uint32_t i = 0; i < store->seats.count; i++) {
        stats->streams += store->seats.seats[i].streams;
        stats->bridged += store->seats.seats[i].bridged;
    }
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        const push_shard_t *shard = &store->shards[i];

        stats->users += push_table_count(&shard->users);
        stats->devices += push_table_count(&shard->contexts);
        stats->channels += push_table_count(&shard->channels);
    }
}

void push_view_stats(push_store_t *store, push_stats_view_t *stats)
{
    push_time_t now = push_clock_now();

    push_view_figures(store, stats);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        const push_heap_t *heap = &store->heaps[i];
        const push_shard_t *shard = &store->shards[i];
        push_ref_t ref = PUSH_NONE;

        if (!push_shard_enter(store, i)) {
            continue;
        }
        while (push_table_walk(heap, &shard->users, &ref)) {
            stats->messages += push_view_messages(heap, push_at(heap, ref),
                                                  &now);
        }
        while (push_table_walk(heap, &shard->channels, &ref)) {
            stats->messages += push_view_messages(heap, push_at(heap, ref),
                                                  &now);
        }
        if (!i) {
            stats->messages += push_view_messages(
                heap, &push_store_broadcast(store)->log, &now);
        }
        push_shard_leave(store, i);
    }
}

void push_view_health(push_store_t *store, push_health_t *health)
{
    const push_disk_t *disk = &store->segment->disk;
    int64_t minute_ago = push_clock_now().mono - 60000;

    *health = (push_health_t){
        .durability = push_journal_durability(store),
        .kept = store->journal != NULL,
        .failing = disk->failing != 0,
        .lagging = disk->missing != 0,
        .refusing = push_journal_ready(store) != PUSH_OK,
        .waiting = push_journal_waiting(store),
        .writes = disk->writes,
        .records = disk->records,
        .errors = disk->errors,
        .memory_percent = (unsigned)(store->segment->slab.used * 100
                                     / push_slab_size(&store->slab)),
        .died = push_deaths_since(&store->segment->deaths, minute_ago)};
}

/* ---- with no lock ---- */

static void add_shard(const push_shard_t *shard, push_metrics_t *metrics)
{
    metrics->users += push_table_count(&shard->users);
    metrics->devices += push_table_count(&shard->contexts);
    metrics->channels += push_table_count(&shard->channels);
    metrics->messages += atomic_load(&shard->messages);
    metrics->near_full += atomic_load(&shard->crowded);
}

/* Those on their way to a reactor count as plain streams until they arrive. */
static void add_streams(const push_seat_t *seat, push_metrics_t *metrics)
{
    uint64_t all = atomic_load(&seat->streams);

    for (unsigned i = PUSH_BY_TRANSPORT_SSE + 1; i < PUSH_BY_TRANSPORT_VALUES;
         i++) {
        uint64_t count = atomic_load(&seat->carried[i]);

        metrics->streams[i] += count;
        all -= count < all ? count : all;
    }
    metrics->streams[PUSH_BY_TRANSPORT_SSE] += all;
}

static void add_exemplars(const push_seat_t *seat, push_metrics_t *metrics)
{
    for (unsigned i = 0; i < PUSH_EXEMPLARS; i++) {
        push_sample_t sample;

        if (push_exemplar_read(&seat->exemplars, i, &sample)
            && sample.wall > metrics->exemplars[i].wall) {
            metrics->exemplars[i] = sample;
        }
    }
}

static void add_state(const push_store_t *store, push_metrics_t *metrics)
{
    const push_disk_t *disk = &store->segment->disk;

    metrics->kept = store->journal != NULL;
    metrics->state_ok = !atomic_load(&disk->failing);
    metrics->state_size = atomic_load(&disk->size);
    metrics->state_used = atomic_load(&disk->used);
    metrics->state_waiting = push_disk_waiting(store);
    metrics->state_errors = atomic_load(&disk->errors);
}

void push_view_metrics(push_store_t *store, push_metrics_t *metrics)
{
    *metrics = (push_metrics_t){.memory_size = push_slab_size(&store->slab),
                                .memory_used = store->segment->slab.used,
                                .recovered = store->segment->recovered
                                             + store->segment->slab.repairs,
                                .layout = store->segment->prefix.layout,
                                .started = store->segment->created};
    push_store_counts(store, metrics->sums);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        add_shard(&store->shards[i], metrics);
    }
    for (uint32_t i = 0; i < store->seats.count; i++) {
        add_streams(&store->seats.seats[i], metrics);
        add_exemplars(&store->seats.seats[i], metrics);
    }
    add_state(store, metrics);
}

unsigned push_view_stuck(push_store_t *store)
{
    unsigned stuck = 0;

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        if (push_shard_enter(store, i)) {
            push_shard_leave(store, i);
        }
        else {
            stuck++;
        }
    }
    return stuck;
}
