#include "store_crash_part.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core_suite.h"
#include "core_world.h"
#include "store/ops/forget.h"
#include "store/shard/hold.h"
#include "store/upkeep/sweep.h"
#include "store/ops/view.h"
#include "store/shard/shard.h"
#include "store/ops/ack.h"
#include "store/ops/keys.h"
#include "store/ops/life.h"

static const struct {
    const char *user, *device;
    bool follows;
} devices[CRASH_DEVICES] = {{"a", "1", false},      {"a", "2", true},
                            {"b", "1", true},       {"full", "1", false},
                            {"topics", "1", false}, {"late", "1", true},
                            {"keyed", "1", false},  {"spare", "1", false}};

#define LARGE     56000u
#define FILLED_MS 1500 /* how long memory is full of them */

static char large[LARGE];

void crash_limits(fixture_t *g)
{
    g->store.limits.max_pending = 24;
    g->store.limits.history = 16;
    g->store.limits.retention = RETENTION;
    g->store.limits.idempotency = WINDOW;
}

const char *crash_name(const crash_journal_t *j, const char *text)
{
    static char buffers[8][64];
    static unsigned next;
    char *buffer = buffers[next++ % 8];

    snprintf(buffer, sizeof(buffers[0]), "%s-%u", text, j->number);
    return buffer;
}

/* ---- clients ---- */

static push_status_t check_in(fixture_t *g, push_checkin_t *c,
                              const char *device,
                              push_stream_ref_t *stream_ref)
{
    c->labels[PUSH_LABEL_DEVICE] = named(device);
    c->explicit_acks = true;
    c->traced = atomic_load(&g->store.segment->streams) % 4 != 0;
    c->lowest = PUSH_VERY_LOW;
    c->max_in_flight = 1024;
    c->max_streams = 16;
    c->max_devices = 64;
    c->max_subscriptions = 4096;
    c->seat = g->store.tag & 0xffffu;
    return push_store_checkin(&g->store, c, &g->now, stream_ref);
}

static push_status_t arrive(fixture_t *g, crash_journal_t *j, unsigned device,
                            push_stream_ref_t *stream_ref)
{
    push_text_t channel = named(crash_name(j, "channel"));
    push_checkin_t c = {.user = named(crash_name(j, devices[device].user)),
                        .channels = &channel,
                        .channels_count = devices[device].follows,
                        .cursor = &j->devices[device].at};

    return check_in(g, &c, devices[device].device, stream_ref);
}

/* "m17" of a message, "k5" of a key. */
static void receive(crash_journal_t *j, unsigned device,
                    const push_message_t *message)
{
    push_text_t text = world_payload(message);
    char head[16] = {0};
    unsigned number = 0;

    memcpy(head, text.at, text.len < 15 ? text.len : 15);
    if (sscanf(head, "m%u", &number) == 1) {
        j->messages[number].got |= (uint8_t)BIT(device);
    }
    else if (sscanf(head, "k%u", &number) == 1) {
        NEEDS(!j->key_mids[number] || j->key_mids[number] == message->mid,
              "key %u was published twice", number);
        j->key_mids[number] = message->mid;
    }
    else if (sscanf(head, "l%u", &number) == 1) {
        crash_came(j, number, message->mid);
    }
}

/* Gaps come before the messages of their flush. */
static void hear_gaps(crash_device_t *device, const push_delivery_t *delivery)
{
    for (unsigned i = 0; i < delivery->gaps_count; i++) {
        device->gaps += delivery->gaps[i].dropped;
        device->forgotten |= delivery->gaps[i].reason == PUSH_GAP_STATE_LOST;
    }
}

/* One flush; what was collected counts as received when all is written. */
unsigned crash_flush(fixture_t *g, crash_journal_t *j, unsigned device,
                     const push_stream_ref_t *stream_ref)
{
    push_seat_t *seat = &g->store.seats.seats[g->store.tag & 0xffffu];
    push_delivery_t *delivery = &g->delivery;
    push_status_t status;

    push_epoch_enter(&g->store.epoch, seat);
    status = push_delivery_begin(&g->store, stream_ref, &g->now, delivery);
    if (status != PUSH_OK) {
        delivery->count = 0;
        delivery->gaps_count = 0;
    }
    hear_gaps(&j->devices[device], delivery);
    for (unsigned i = 0; i < delivery->count; i++) {
        receive(j, device, delivery->picks[i].message);
        j->devices[device].at = cursor_mid(delivery->picks[i].seq,
                                           delivery->picks[i].message->mid);
    }
    fixture_written(g, stream_ref, (unsigned)(seat - g->store.seats.seats),
                    delivery->count, delivery->sent);
    j->delivered += delivery->count;
    push_epoch_leave(seat);
    return delivery->count;
}

push_status_t crash_acknowledge(fixture_t *g, crash_journal_t *j,
                                unsigned device,
                                const push_stream_ref_t *stream_ref)
{
    return push_store_ack(&g->store,
                          named(crash_name(j, devices[device].user)),
                          stream_ref->id, &j->devices[device].at, &g->now);
}

/* ---- publishers ---- */

typedef struct {
    push_log_kind_t kind;
    const char *to;
    unsigned bits;
    push_urgency_t urgency;
    const char *topic;
    uint32_t size; /* of the payload; 0: as short as can be */
    int64_t ttl;   /* 0: five minutes */
} order_t;

static push_message_spec_t spec_of(const order_t *order, const char *text)
{
    push_message_spec_t d = spec_urgent(text, order->urgency);

    if (order->topic) {
        d.topic = named(order->topic);
    }
    if (order->size) {
        memset(large, 'x', order->size);
        memcpy(large, text, strlen(text));
        large[strlen(text)] = ' ';
        d.content.data = (push_text_t){large, order->size};
    }
    if (order->ttl) {
        d.ttl = order->ttl;
    }
    return d;
}

static push_status_t publish(fixture_t *g, crash_journal_t *j, order_t order)
{
    push_audience_t audience = {.kind = order.kind, .name = named(order.to)};
    uint32_t number = j->messages_count;
    crash_message_t *message = &j->messages[number];
    push_status_t status;
    push_message_spec_t spec;
    char text[16];

    NEEDS(number < CRASH_MESSAGES, "the journal is full");
    snprintf(text, sizeof(text), "m%u", number);
    spec = spec_of(&order, text);
    message->to = (uint8_t)order.bits;
    message->topic = order.topic != NULL;
    message->state = CRASH_TRIED;
    j->messages_count++;
    status = store_publish(&g->store, &audience, &spec, &g->now, &g->receipt);
    if (status == PUSH_OK) {
        j->published++;
        message->state = order.ttl ? CRASH_EXCUSED : CRASH_ACCEPTED;
    }
    return status;
}

void crash_say(fixture_t *g, crash_journal_t *j, const char *user,
               unsigned bits, push_urgency_t urgency)
{
    publish(g, j,
            (order_t){.kind = PUSH_LOG_USER,
                      .to = crash_name(j, user),
                      .bits = bits,
                      .urgency = urgency});
}

void crash_cast(fixture_t *g, crash_journal_t *j, push_urgency_t urgency)
{
    publish(g, j,
            (order_t){.kind = PUSH_LOG_CHANNEL,
                      .to = crash_name(j, "channel"),
                      .bits = TO_CHANNEL,
                      .urgency = urgency});
}

push_claim_t crash_key(const fixture_t *g, const crash_journal_t *j,
                       uint32_t number)
{
    char key[32];

    snprintf(key, sizeof(key), "k%u-%u", number, j->number);
    return claim_of(&g->store, key, number);
}

push_status_t crash_claim(fixture_t *g, crash_journal_t *j, uint32_t number,
                          push_audience_t *audience)
{
    const push_claim_t claim = crash_key(g, j, number);

    return push_store_key_claim(&g->store, &claim, audience, &g->now,
                                &g->receipt);
}

void crash_publish_keyed(fixture_t *g, crash_journal_t *j, uint32_t number)
{
    push_audience_t audience = {.kind = PUSH_LOG_USER,
                                .name = named(crash_name(j, "keyed"))};
    const push_claim_t claim = crash_key(g, j, number);
    char text[16];
    push_message_spec_t spec;

    snprintf(text, sizeof(text), "k%u", number);
    if (crash_claim(g, j, number, &audience) == PUSH_OK) {
        spec = spec_urgent(text, PUSH_NORMAL);
        NEEDS(store_publish(&g->store, &audience, &spec, &g->now, &g->receipt)
                  == PUSH_OK,
              "a keyed publish failed");
        j->published++;
        push_store_key_done(&g->store, &claim, &g->receipt);
    }
}

/* ---- a round of everything ---- */

static void talk(fixture_t *g, crash_journal_t *j)
{
    for (int i = 0; i < 6; i++) {
        crash_say(g, j, "a", TO_A, (push_urgency_t)(i % 3));
        crash_cast(g, j, i % 2 ? PUSH_HIGH : PUSH_LOW);
    }
    for (int i = 0; i < 14; i++) {
        crash_say(g, j, "full", BIT(FULL), PUSH_NORMAL);
    }
    for (int i = 0; i < 3; i++) {
        publish(g, j,
                (order_t){.kind = PUSH_LOG_USER,
                          .to = crash_name(j, "topics"),
                          .bits = BIT(TOPICS),
                          .urgency = PUSH_NORMAL,
                          .topic = "one"});
    }
    publish(g, j,
            (order_t){.kind = PUSH_LOG_USER,
                      .to = crash_name(j, "b"),
                      .bits = BIT(B1),
                      .urgency = PUSH_NORMAL,
                      .size = 20000});
    publish(g, j,
            (order_t){.kind = PUSH_LOG_USER,
                      .to = crash_name(j, "b"),
                      .bits = BIT(B1),
                      .urgency = PUSH_LOW,
                      .ttl = 500});
    if (j->alone) {
        publish(g, j,
                (order_t){.kind = PUSH_LOG_BROADCAST,
                          .bits = TO_ALL,
                          .urgency = PUSH_NORMAL});
    }
}

static void recall_one(fixture_t *g, crash_journal_t *j)
{
    uint32_t number = j->messages_count;
    uint32_t recalled;

    crash_say(g, j, "a", TO_A, PUSH_NORMAL);
    j->messages[number].state = CRASH_EXCUSED;
    push_store_recall(&g->store, SOUGHT(g->receipt.mid), &g->now, &recalled);
}

/* A socket takes one message, and a part of the second. */
static void write_partly(fixture_t *g, crash_journal_t *j,
                         const push_stream_ref_t *stream_ref)
{
    push_seat_t *seat = &g->store.seats.seats[g->store.tag & 0xffffu];
    push_ref_t hold = PUSH_NONE;

    push_epoch_enter(&g->store.epoch, seat);
    if (push_delivery_begin(&g->store, stream_ref, &g->now, &g->delivery)
            == PUSH_OK
        && g->delivery.count > 1) {
        const push_pick_t *picks = g->delivery.picks;

        hold = push_hold_take(&g->store, picks[1].ref, stream_ref->gen,
                              g->store.tag);
        hear_gaps(&j->devices[A1], &g->delivery);
        push_delivery_cut(&g->store, stream_ref, picks[0].seq);
        receive(j, A1, picks[0].message);
        j->devices[A1].at = cursor_mid(picks[0].seq, picks[0].message->mid);
    }
    push_epoch_leave(seat);
    if (hold) {
        push_hold_release(&g->store, hold);
    }
}

/*
 * Somebody comes, acknowledges one message, and goes; but the stream, which was
 * on its way, arrives.
 */
static void visit(fixture_t *g, crash_journal_t *j, const char *user,
                  const char *channel)
{
    static const push_cursor_t first = {.seq = 1};
    push_text_t follows = named(channel);
    push_checkin_t c = {.user = named(user),
                        .channels = &follows,
                        .channels_count = channel != NULL};
    push_stream_ref_t stream_ref;

    if (check_in(g, &c, "1", &stream_ref) != PUSH_OK) {
        return;
    }
    j->published += fixture_publish(g, PUSH_LOG_USER, user, "x", PUSH_NORMAL)
                    == PUSH_OK;
    if (push_delivery_begin(&g->store, &stream_ref, &g->now, &g->delivery)
        == PUSH_OK) {
        push_store_ack(&g->store, named(user), stream_ref.id, &first, &g->now);
    }
    for (int i = 0; i < 2; i++) {
        push_store_move(&g->store, &stream_ref, g->store.tag & 0xffffu);
        push_store_checkout(&g->store, &stream_ref, &g->now);
    }
}

/* Enough users of one shard for its tables to grow. */
static void crowd(fixture_t *g, crash_journal_t *j)
{
    unsigned shard = push_store_name(&g->store, named("crowd")).shard;
    unsigned found = 0;

    for (unsigned i = 0; found < 40; i++) {
        char text[32];

        snprintf(text, sizeof(text), "crowd%u-%u", i, j->number);
        if (push_store_name(&g->store, named(text)).shard == shard) {
            found++;
            visit(g, j, text, NULL);
        }
    }
}

/* Whole pages of small objects, for a moment. */
static void burst(fixture_t *g, crash_journal_t *j)
{
    for (int i = 0; i < 400; i++) {
        publish(g, j,
                (order_t){.kind = PUSH_LOG_USER,
                          .to = crash_name(j, "burst"),
                          .urgency = PUSH_LOW,
                          .size = 40,
                          .ttl = 500});
    }
}

/* More than there is room for: what is low gives way. */
static void fill_memory(fixture_t *g, crash_journal_t *j)
{
    push_status_t status = PUSH_OK;

    for (int i = 0; status == PUSH_OK && i < 80; i++) {
        static const char *const users[] = {"p", "q", "r", "spare"};
        unsigned bits = i % 4 == 3 ? BIT(SPARE) : 0;

        status = publish(g, j,
                         (order_t){.kind = PUSH_LOG_USER,
                                   .to = crash_name(j, users[i % 4]),
                                   .bits = bits,
                                   .urgency = PUSH_LOW,
                                   .size = LARGE,
                                   .ttl = FILLED_MS});
    }
    publish(g, j,
            (order_t){.kind = PUSH_LOG_USER,
                      .to = crash_name(j, "spare"),
                      .bits = BIT(SPARE),
                      .urgency = PUSH_NORMAL,
                      .size = LARGE,
                      .ttl = FILLED_MS});
}

/* As relief does when nothing else is left: those who are away go. */
static void forget_guests(fixture_t *g)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        if (push_shard_enter(&g->store, i)) {
            push_forget_away(&g->store, i, INT64_MAX, &g->now);
            push_forget_channels(&g->store, i);
            push_shard_leave(&g->store, i);
        }
    }
}

static void listen_to_all(fixture_t *g, crash_journal_t *j,
                          push_stream_ref_t *stream_refs)
{
    static const unsigned often[] = {A1, A2, B1, TOPICS, KEYED};

    for (unsigned i = 0; i < sizeof(often) / sizeof(often[0]); i++) {
        unsigned device = often[i];

        while (crash_flush(g, j, device, &stream_refs[device])) {
        }
        crash_acknowledge(g, j, device, &stream_refs[device]);
    }
}

void crash_pass(fixture_t *g, crash_journal_t *j, int64_t ms)
{
    if (j->alone) {
        fixture_pass(g, ms);
        j->now = g->now;
    }
}

void crash_sweep(fixture_t *g)
{
    push_seat_t *seat = &g->store.seats.seats[g->store.tag & 0xffffu];
    unsigned index = g->store.tag & 0xffffu;
    uint32_t list;

    push_seat_take(seat);
    list = push_seat_devices(seat);
    while (push_seat_next_device(&g->store.seats, &list)) {
    }
    list = push_seat_channels(seat);
    while (push_seat_next_channel(&g->store.seats, index, &list)) {
    }
    push_seat_taken(seat);
    atomic_store(&g->store.segment->sweep_next, 0);
    push_store_sweep_due(&g->store, &g->now);
}

/*
 * A device whose context went in a full memory, after its process had died,
 * is a new one, for which there is room as soon as what fills it has expired.
 */
static push_status_t arrive_in_time(fixture_t *g, crash_journal_t *j,
                                    unsigned device,
                                    push_stream_ref_t *stream_ref)
{
    push_status_t status = arrive(g, j, device, stream_ref);

    if (status == PUSH_NO_MEMORY) {
        crash_pass(g, j, FILLED_MS);
        crash_sweep(g);
        status = arrive(g, j, device, stream_ref);
    }
    return status;
}

void crash_arrive(fixture_t *g, crash_journal_t *j,
                  push_stream_ref_t *stream_refs)
{
    push_ref_t channels[8];

    for (unsigned i = 0; i < CRASH_DEVICES; i++) {
        push_status_t status = arrive_in_time(g, j, i, &stream_refs[i]);

        NEEDS(status == PUSH_OK, "device %u is refused: %d", i, (int)status);
        push_delivery_channels(&g->store, &stream_refs[i], channels, 8);
        for (unsigned c = 0; c < 1u + devices[i].follows; c++) {
            push_seat_follow(push_at(&g->store.heaps[0], channels[c]),
                             g->store.tag & 0xffffu);
        }
    }
}

void crash_prepare(fixture_t *g, crash_journal_t *j)
{
    push_stream_ref_t stream_refs[CRASH_DEVICES];

    crash_arrive(g, j, stream_refs);
    j->now = g->now;
}

/* What was accepted elsewhere finds a mailbox full of what is more urgent. */
static void overfill(fixture_t *g, const crash_journal_t *j)
{
    const push_name_t name = push_store_name(&g->store,
                                             named(crash_name(j, "full")));
    const push_message_spec_t spec = spec_urgent("stored", PUSH_VERY_LOW);
    push_publish_t publish = {.spec = &spec,
                              .limit = g->store.limits.max_pending,
                              .stored = true,
                              .now = g->now};
    push_audience_t audience = {.kind = PUSH_LOG_USER, .name = name.text};
    push_user_t *user;

    publish.receipt.mid = push_store_next_mid(&g->store, &audience, &g->now);
    if (push_shard_enter(&g->store, name.shard)) {
        user = push_store_user(&g->store, &name, false);
        if (user) {
            push_user_publish(&g->store.heaps[name.shard], user, &publish);
        }
        push_shard_leave(&g->store, name.shard);
    }
}

/* Its number is of no session; of what it names in the channel the mid says. */
static void arrive_from_elsewhere(fixture_t *g, crash_journal_t *j,
                                  unsigned device,
                                  push_stream_ref_t *stream_ref)
{
    crash_cast(g, j, PUSH_VERY_LOW);
    crash_cast(g, j, PUSH_VERY_LOW);
    while (crash_flush(g, j, device, stream_ref)) {
    }
    j->devices[device].at.seq += 1000000;
    arrive(g, j, device, stream_ref);
}

void crash_work(fixture_t *g, crash_journal_t *j, int rounds)
{
    push_stream_ref_t stream_refs[CRASH_DEVICES];
    char guest[32];

    g->now = j->now;
    crash_pass(g, j, 1600);
    crash_sweep(g);
    crash_release(g, j);
    crash_arrive(g, j, stream_refs);
    for (int round = 0; round < rounds; round++) {
        talk(g, j);
        recall_one(g, j);
        crash_keep(g, j, round);
        crash_assign(g, j);
        if (j->keys_count < CRASH_KEYS) {
            j->key_times[j->keys_count] = g->now.mono;
            crash_publish_keyed(g, j, j->keys_count++);
        }
        write_partly(g, j, &stream_refs[A1]);
        snprintf(guest, sizeof(guest), "guest%d", round);
        visit(g, j, crash_name(j, guest), crash_name(j, guest));
        listen_to_all(g, j, stream_refs);
        if (round == 1) {
            burst(g, j);
            overfill(g, j);
            arrive_from_elsewhere(g, j, B1, &stream_refs[B1]);
        }
        if (round == 2 && j->alone) {
            fill_memory(g, j);
            crash_flush(g, j, SPARE, &stream_refs[SPARE]);
        }
        if (round == 3) {
            arrive(g, j, A2, &stream_refs[A2]);
            crowd(g, j);
            if (j->alone) {
                forget_guests(g);
            }
        }
        if (round == 4) {
            crash_flush(g, j, FULL, &stream_refs[FULL]);
            crash_flush(g, j, LATE, &stream_refs[LATE]);
            crash_pass(g, j, RETENTION + 5000);
        }
        crash_pass(g, j, 1600);
        crash_sweep(g);
        crash_release(g, j);
    }
    /* Nothing is remembered of them. */
    crash_pass(g, j, WINDOW + 1000);
    crash_release(g, j);
}
