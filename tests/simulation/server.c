#include "simulation/server.h"

#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "core/session.h"
#include "simulation/client.h"
#include "simulation/link.h"
#include "simulation/migrant.h"
#include "simulation/probe.h"
#include "simulation/publish.h"
#include "simulation/story.h"
#include "store/shard/shard.h"
#include "stream/loop/migrants.h"
#include "stream/loop/wakeups.h"

#define LIFETIME 40000 /* ms; of the token of some streams */

static _Alignas(64) unsigned char memory[SIM_MEMORY];
static const int no_events[SIM_SEATS] = {-1, -1, -1, -1};
static const int sockets[SIM_SEATS] = {0, 1, 2, 3}; /* see migrant.c */

/* ---- names ---- */

static push_text_t text_of(const char *text)
{
    return (push_text_t){text, (uint32_t)strlen(text)};
}

push_text_t sim_user_name(int user)
{
    static const char *const names[] = {"u0", "u1"};

    return text_of(names[user]);
}

push_text_t sim_channel_name(int channel)
{
    static const char *const names[] = {"c0", "c1"};

    return text_of(names[channel]);
}

push_text_t sim_device_name(int device)
{
    static const char *const names[] = {"a", "b", "c", "d"};

    return text_of(names[device]);
}

static push_heap_t *heap_of(const sim_t *s)
{
    return &s->store->heaps[0];
}

push_device_t *sim_device(const sim_t *s, int client)
{
    return s->known[client]
               ? push_store_device_at(s->store, s->tickets[client].device)
               : NULL;
}

/* ---- processes ---- */

static void on_end(void *data, const push_ended_t *ended)
{
    (void)data;
    (void)ended;
}

static void start_child(sim_t *s, unsigned which)
{
    sim_child_t *child = &s->children[which];
    push_stream_set_t *set = &child->set;
    const push_mapping_t ground = {.base = memory,
                                   .size = SIM_MEMORY,
                                   .events = no_events,
                                   .receive = sockets,
                                   .send = sockets};
    int seat;

    NEEDS(push_store_open(&child->store, &ground, &s->limits),
          "the segment is of no use");
    seat = push_seat_claim(&child->store.seats, (uint32_t)getpid());
    NEEDS(seat >= 0, "there is no seat");
    push_store_sit(&child->store, (unsigned)seat);
    push_local_init(&child->broker, &child->store);
    *set = (push_stream_set_t){.store = &child->store,
                               .seat = &child->store.seats.seats[seat],
                               .seat_index = (unsigned)seat,
                               .epoll = -1,
                               .start = SIM_START,
                               .ended = on_end};
    NEEDS(push_stream_set_init(set), "no memory for a stream set");
    set->random = which;
    push_seat_follow(push_store_broadcast(&child->store), (unsigned)seat);
}

/* Its connections are closed, and it does nothing more. */
static void end_child(sim_child_t *child)
{
    push_stream_table_t *streams = &child->set.streams;

    for (uint32_t i = 0; i < streams->used; i++) {
        push_stream_t *stream = push_stream_table_at(streams, i);

        if (stream->link.fd >= 0) {
            stream->part = PUSH_NONE;
            push_stream_close(&child->store, stream);
        }
    }
    push_stream_set_cleanup(&child->set);
}

/* A process id that nobody has: they end at 2^22. */
#define DEAD_PID 0x7ffffffeu

void sim_server_kill(sim_t *s, unsigned which)
{
    sim_child_t *child = &s->children[which];

    end_child(child);
    atomic_store(&child->set.seat->pid, DEAD_PID);
    start_child(s, which);
}

/* A log that has been in use for long. */
static void age(const sim_t *s, push_log_t *log)
{
    for (int i = 0; i < PUSH_LANES; i++) {
        log->lanes[i].head = s->position;
        log->lanes[i].tail = s->position;
        log->lanes[i].evicted = s->position;
        log->lanes[i].first_live = s->position;
    }
}

static void age_all(const sim_t *s)
{
    push_name_t name;

    age(s, &push_store_broadcast(s->store)->log);
    for (int i = 0; i < SIM_USERS; i++) {
        name = push_store_name(s->store, sim_user_name(i));
        age(s, &push_store_user(s->store, &name, true)->log);
    }
    for (int i = 0; i < SIM_CHANNELS; i++) {
        name = push_store_name(s->store, sim_channel_name(i));
        age(s, &push_store_channel(s->store, &name, true)->log);
    }
}

/* Nothing in it may be random. */
static void make_segment(sim_t *s)
{
    const push_mapping_t ground = {.base = memory,
                                   .size = SIM_MEMORY,
                                   .seats = SIM_SEATS,
                                   .events = no_events};
    push_store_t *store = &s->children[0].store;
    push_segment_t *segment = (push_segment_t *)(void *)memory;
    dice_t d = dice(s->seed ^ (uint64_t)s->now.mono);

    memset(memory, 0, sizeof(memory));
    NEEDS(push_store_create(store, &ground, &s->limits),
          "the segment is too small");
    for (int i = 0; i < 2; i++) {
        segment->hash_key[i] = dice_next(&d);
        segment->session_key[i] = dice_next(&d);
    }
    segment->node = 1;
}

void sim_server_start(sim_t *s)
{
    sim_probe_begin(s);
    s->fail_at = 0;
    make_segment(s);
    for (unsigned i = 0; i < SIM_CHILDREN; i++) {
        start_child(s, i);
    }
    s->store = &s->children[0].store;
    age_all(s);
    for (int i = 0; i < SIM_CLIENTS; i++) {
        s->known[i] = false;
        sim_begin_life(s, i);
    }
}

void sim_server_stop(sim_t *s)
{
    sim_migrants_drop(s);
    for (unsigned i = 0; i < SIM_CHILDREN; i++) {
        end_child(&s->children[i]);
    }
}

void sim_server_turn(sim_t *s, unsigned which)
{
    push_stream_set_t *set = &s->children[which].set;
    uint32_t before = set->ms;

    s->at_work = which;
    push_stream_set_read_clock(set);
    push_stream_set_expire(set);
    push_stream_set_beat(set, set->ms - before);
    push_stream_set_end_overtaken(set);
    push_migrants_adopt(set, set->seat_index);
    push_migrants_adopt_lost(set);
    push_stream_set_take_wakeups(set);
    push_stream_set_flush(set);
}

static void look_at_device(sim_t *s, int client)
{
    push_name_t name = push_store_name(s->store,
                                       sim_user_name(client % SIM_USERS));

    if (s->known[client]
        && !push_store_device(s->store, name.shard, s->tickets[client].id)) {
        s->known[client] = false;
        sim_begin_life(s, client);
    }
    if (!push_store_user(s->store, &name, false)
        && s->store->shards[name.shard].strangers_until) {
        s->strangers[client] = true;
    }
}

void sim_server_look(sim_t *s)
{
    for (int i = 0; i < SIM_CLIENTS; i++) {
        look_at_device(s, i);
    }
    sim_publish_refresh(s);
}

/* ---- what an operation acknowledges ---- */

/* All that was in flight before it. */
typedef struct {
    uint64_t mids[SIM_SEQS];
    push_position_t positions[SIM_SEQS];
    uint32_t count;
} flight_t;

static void look(sim_t *s, int client, flight_t *flight)
{
    const push_device_t *device = sim_device(s, client);

    flight->count = device ? (uint32_t)push_session_in_flight(device) : 0;
    for (uint32_t i = 0; i < flight->count; i++) {
        flight->mids[i] = s->sent[client][(device->acked + 1 + i) % SIM_SEQS];
        flight->positions[i] = push_window_get(heap_of(s), &device->window, i);
    }
}

static bool settled(sim_t *s, const push_device_t *device, uint64_t mid)
{
    const push_outcome_t *outcome = NULL;
    const push_user_t *user = push_at(heap_of(s), device->user);
    push_entry_t entry;

    if (push_log_find(heap_of(s), &user->log, mid, &entry)) {
        outcome = push_message_outcome(heap_of(s), entry.message,
                                       push_ref_of(heap_of(s), device));
    }
    return outcome && outcome->fate == PUSH_ACKED;
}

/* It was in flight, is not any more, and will not be sent again. */
static bool passed(sim_t *s, const push_device_t *device,
                   push_position_t position)
{
    const push_subscription_t *subscription = &push_device_subscriptions(
        heap_of(s), device)[position.subscription];

    return push_before(position.at, subscription->cursor[position.lane])
           && !push_window_holds(heap_of(s), &device->window, position);
}

/* Under the life of the context in which the client received it. */
static void tell_acked(sim_t *s, int client, uint64_t mid)
{
    char text[PUSH_MID_CHARS + 1] = "";
    const sim_publish_t *p;

    push_mid_write(mid, text);
    p = sim_publish_of(s, text);
    sim_tell(s, "\"what\":\"acked\",\"device\":\"%d.%u\",\"mid\":\"%s\"",
             client,
             p && p->of[client].received_in ? p->of[client].received_in
                                            : s->lives[client],
             text);
}

static void tell_difference(sim_t *s, int client, const flight_t *before,
                            const push_cursor_t *cursor)
{
    const push_device_t *device = sim_device(s, client);

    for (uint32_t i = 0; i < before->count; i++) {
        if (passed(s, device, before->positions[i])
            || settled(s, device, before->mids[i])) {
            tell_acked(s, client, before->mids[i]);
        }
    }
    if (cursor && cursor->has_mid && settled(s, device, cursor->mid)) {
        tell_acked(s, client, cursor->mid);
    }
}

/* ---- requests ---- */

static bool parse(sim_t *s, const char *text, push_cursor_t *cursor)
{
    if (text[0] && !push_cursor_parse(text, strlen(text), cursor)) {
        sim_violation(s, "framing: a client shows the cursor %s", text);
        return false;
    }
    return text[0] != '\0';
}

/* What the head of a request says of its device. */
static push_checkin_t checkin_of(int client)
{
    push_checkin_t checkin = {.user = sim_user_name(client % SIM_USERS)};

    checkin.labels[PUSH_LABEL_DEVICE] = sim_device_name(client / SIM_USERS);
    return checkin;
}

static push_status_t claim(sim_t *s, const sim_packet_t *packet,
                           const push_cursor_t *cursor, sim_link_t *link)
{
    const push_text_t channels[] = {sim_channel_name(0), sim_channel_name(1)};
    int client = packet->who;
    sim_child_t *child = &s->children[link->child];
    push_checkin_t checkin = checkin_of(client);

    checkin.channels = channels;
    checkin.channels_count = SIM_CHANNELS;
    checkin.explicit_acks = !(s->implicit && client == 0);
    checkin.lowest = packet->lowest;
    checkin.max_in_flight = s->window;
    checkin.max_streams = 16;
    checkin.max_devices = 16;
    checkin.max_subscriptions = 64;
    checkin.cursor = cursor;
    checkin.seat = child->set.seat_index;
    return child->broker.claim(&child->broker, &checkin, &s->now,
                               &s->tickets[client], &link->session);
}

/* The stream is the reactor's from here on. */
static void hand_over(sim_t *s, sim_link_t *link)
{
    push_stream_set_t *set = &s->children[link->child].set;
    push_migrant_t migrant = {
        .adoption = {.fd = sim_link_number(s, link),
                     .stream_ref = s->tickets[link->client],
                     .heartbeat = SIM_HEARTBEAT,
                     .expires = link->conn % 8 ? 0 : s->now.mono + LIFETIME}};

    s->at_work = link->child;
    atomic_fetch_add(&set->seat->streams, 1);
    push_stream_set_read_clock(set);
    push_stream_set_adopt(set, &migrant);
}

static void begin_numbering(sim_t *s, int client)
{
    push_device_t *device = sim_device(s, client);

    if (!device->sent) {
        device->acked = s->seq_base;
        device->sent = s->seq_base;
    }
}

/* Nobody has given the attempt up, or served it. */
static bool is_awaited(sim_t *s, const sim_packet_t *packet)
{
    return sim_client_awaits(s, packet->who, packet->conn)
           && !sim_link_of(s, packet->who, packet->conn);
}

static void serve(sim_t *s, const sim_packet_t *packet, sim_link_t *link)
{
    int client = packet->who;
    push_cursor_t cursor;
    bool given = parse(s, packet->cursor, &cursor);
    bool awaited = is_awaited(s, packet);
    bool known = s->known[client];
    push_status_t status;
    flight_t before;

    look(s, client, &before);
    link->conn = packet->conn;
    link->child = packet->conn % SIM_CHILDREN;
    status = claim(s, packet, given ? &cursor : NULL, link);
    s->known[client] = known || status == PUSH_OK;
    sim_server_look(s);
    if (status != PUSH_OK) {
        sim_link_free(link);
        return;
    }
    if (!known) {
        sim_tell_device(s, client, true);
    }
    link->life = s->lives[client];
    link->gen = s->tickets[client].gen;
    link->space = packet->conn % 3 ? SIM_MEMORY : packet->conn * 97 % 700;
    begin_numbering(s, client);
    if (!awaited) {
        link->conn = ++s->conns;
        link->gone = true;
    }
    tell_difference(s, client, &before, given ? &cursor : NULL);
    hand_over(s, link);
}

/*
 * An attempt that its client has given up is not served: the server sees that
 * the connection is closed.
 */
void sim_server_connect(sim_t *s, const sim_packet_t *packet)
{
    sim_link_t *link = NULL;

    if (is_awaited(s, packet) || s->fault == SIM_ABANDONED_SERVED) {
        link = sim_link_open(s, packet);
    }
    if (link) {
        serve(s, packet, link);
    }
}

static push_status_t acknowledge(sim_t *s, int client,
                                 const push_cursor_t *cursor)
{
    push_broker_t *broker = &s->children[cursor->seq % SIM_CHILDREN].broker;
    push_checkin_t checkin = checkin_of(client);

    checkin.cursor = cursor;
    return broker->ack(broker, &checkin, &s->now);
}

push_status_t sim_server_ack(sim_t *s, const sim_packet_t *packet)
{
    push_cursor_t cursor;
    push_status_t status;
    flight_t before;

    if (!parse(s, packet->cursor, &cursor)) {
        return PUSH_NOT_FOUND;
    }
    cursor.has_session = true;
    cursor.session = packet->session;
    look(s, packet->who, &before);
    status = acknowledge(s, packet->who, &cursor);
    if (s->known[packet->who]) {
        tell_difference(s, packet->who, &before, NULL);
    }
    return status;
}

/* The message that was sent as its seq is forgotten. */
static bool forgotten(sim_t *s, int client, const push_cursor_t *cursor)
{
    const push_device_t *device = sim_device(s, client);
    push_position_t position;
    push_ref_t ref;

    if (!cursor->has_mid) {
        return false;
    }
    position = push_window_get(heap_of(s), &device->window,
                               (uint32_t)(cursor->seq - device->acked - 1));
    return push_log_read(heap_of(s),
                         push_subscription_log(
                             heap_of(s),
                             &push_device_subscriptions(
                                 heap_of(s), device)[position.subscription]),
                         position.lane, position.at, &ref)
           != PUSH_SLOT_MESSAGE;
}

/* A cursor that no stream of the device ever showed. */
static push_cursor_t nonsense(const sim_t *s, int client, uint32_t choice)
{
    const push_device_t *device = sim_device(s, client);
    uint64_t flying = push_session_in_flight(device);
    push_cursor_t cursor = {.seq = device->sent + 1 + choice % 3};

    if (choice % 5 == 0) {
        cursor.seq = INT64_MAX;
    }
    if (choice % 2 && flying) {
        cursor.seq = device->acked + 1 + choice % flying;
        cursor.has_mid = true;
        cursor.mid = s->sent[client][cursor.seq % SIM_SEQS] ^ 1;
    }
    return cursor;
}

void sim_server_nonsense(sim_t *s, int client, uint32_t choice)
{
    const push_device_t *device = sim_device(s, client);
    push_device_t before;
    push_cursor_t cursor;

    if (!device) {
        return;
    }
    cursor = nonsense(s, client, choice);
    /* Where the right one is forgotten, any mid could be it. */
    if (forgotten(s, client, &cursor)) {
        return;
    }
    before = *device;
    if (acknowledge(s, client, &cursor) != PUSH_STALE
        || memcmp(&before, device, sizeof(before)) != 0) {
        sim_violation(s, "nonsense: an acknowledgement of %lu was taken",
                      (unsigned long)cursor.seq);
    }
}
