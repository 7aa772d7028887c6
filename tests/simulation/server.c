#include "simulation/server.h"

#include <string.h>

#include "simulation/client.h"
#include "simulation/publish.h"
#include "simulation/story.h"

static const char *const names[] = {"a", "b", "c", "d"};

/* A log that has been in use for long. */
static void age(const sim_t *s, push_log_t *log)
{
    for (int i = 0; i < PUSH_LANES; i++) {
        log->lanes[i].head = s->position;
        log->lanes[i].tail = s->position;
        log->lanes[i].evicted = s->position;
        log->lanes[i].live = s->position;
    }
}

void sim_server_start(sim_t *s)
{
    push_time_t now = s->w.now;
    uint32_t limit = s->w.limit, history = s->w.history;

    world_init(&s->w);
    s->w.limit = limit;
    s->w.history = history;
    if (now.mono) {
        s->w.now = now;
    }
    age(s, &s->w.broadcast->log);
    for (int i = 0; i < SIM_USERS; i++) {
        s->users[i] = world_user(&s->w);
        age(s, &s->users[i]->log);
    }
    for (int i = 0; i < SIM_CHANNELS; i++) {
        s->channels[i] = world_channel(&s->w);
        age(s, &s->channels[i]->log);
    }
    memset(s->keys, 0, sizeof(s->keys));
    for (int i = 0; i < SIM_CLIENTS; i++) {
        s->devices[i] = NULL;
        sim_begin_life(s, i);
    }
}

void sim_server_stop(sim_t *s)
{
    push_time_t now = s->w.now;
    uint32_t limit = s->w.limit, history = s->w.history;

    for (int i = 0; i < SIM_LINKS; i++) {
        sim_link_t *link = &s->links[i];

        if (link->used && link->part) {
            push_message_release(s->w.heap, link->part);
            link->part = PUSH_NONE;
        }
        link->closed = true;
    }
    world_cleanup(&s->w);
    s->w.now = now;
    s->w.limit = limit;
    s->w.history = history;
}

/* ---- what an operation acknowledges ---- */

/* All that was in flight before it. */
typedef struct {
    uint64_t mids[SIM_SEQS];
    push_place_t places[SIM_SEQS];
    uint32_t count;
} flight_t;

static void look(sim_t *s, int client, flight_t *flight)
{
    const push_device_t *device = s->devices[client];

    flight->count = (uint32_t)push_session_in_flight(device);
    for (uint32_t i = 0; i < flight->count; i++) {
        flight->mids[i] = s->sent[client][(device->acked + 1 + i) % SIM_SEQS];
        flight->places[i] = push_window_get(s->w.heap, &device->window, i);
    }
}

static bool settled(sim_t *s, const push_device_t *device, uint64_t mid)
{
    const push_outcome_t *outcome = NULL;
    const push_user_t *user = push_at(s->w.heap, device->user);
    push_spot_t spot;

    if (push_log_find(s->w.heap, &user->log, mid, &spot)) {
        outcome = push_message_outcome(s->w.heap, spot.message,
                                       push_ref_of(s->w.heap, device));
    }
    return outcome && outcome->fate == PUSH_ACKED;
}

/* It was in flight, is not any more, and will not be sent again. */
static bool passed(sim_t *s, const push_device_t *device, push_place_t place)
{
    const push_sub_t *sub = &push_device_subs(s->w.heap, device)[place.sub];

    return push_before(place.at, sub->cursor[place.lane])
           && !push_window_holds(s->w.heap, &device->window, place);
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
    const push_device_t *device = s->devices[client];

    for (uint32_t i = 0; i < before->count; i++) {
        if (passed(s, device, before->places[i])
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

static void make_context(sim_t *s, int client)
{
    push_channel_t *channels[SIM_CHANNELS];

    for (int i = 0; i < SIM_CHANNELS; i++) {
        channels[i] = s->channels[i];
    }
    watched_heap_fail_at(&s->w.memory, 0);
    s->devices[client] = world_device(&s->w, s->users[client % SIM_USERS],
                                      names[client / SIM_USERS], channels,
                                      SIM_CHANNELS);
    sim_tell_device(s, client, true);
}

static sim_link_t *new_link(sim_t *s, const sim_packet_t *packet)
{
    for (int i = 0; i < SIM_LINKS; i++) {
        sim_link_t *link = &s->links[i];

        if (!link->used) {
            memset(link, 0, sizeof(*link));
            link->used = true;
            link->client = packet->who;
            link->life = s->lives[packet->who];
            return link;
        }
    }
    return NULL;
}

/* The session takes up, as the rules say, or as the fault wants it. */
static void resume(sim_t *s, int client, push_cursor_t *cursor,
                   push_urgency_t lowest)
{
    push_device_t *device = s->devices[client];
    world_open_t open = {.implicit = s->implicit && client == 0,
                         .max_in_flight = s->window,
                         .lowest = lowest,
                         .resume = cursor};
    push_slide_t *slide = push_window_slide(s->w.heap, &device->window);
    push_cursor_t here = {.seq = device->sent};

    if (s->fault == SIM_STALE_FORGOTTEN) {
        device->stale = 0;
    }
    if (s->fault == SIM_SLID_NOT_TOLD && slide) {
        slide->assumed = 0;
    }
    if (s->fault == SIM_NOT_RESUMED && device->sent) {
        open.resume = &here;
    }
    if (s->fault == SIM_RESUME_ONE_TOO_FAR && cursor
        && cursor->seq < device->sent && cursor->seq >= device->acked) {
        cursor->seq++;
        cursor->has_mid = false;
    }
    world_open(&s->w, device, &open);
    if (!device->sent) {
        device->acked = s->seq_base;
        device->sent = s->seq_base;
    }
}

/*
 * An attempt that its client has given up is not served: the server sees that
 * the connection is closed.
 */
void sim_server_connect(sim_t *s, const sim_packet_t *packet)
{
    int client = packet->who;
    sim_link_t *link = NULL;
    push_cursor_t cursor;
    flight_t before;
    bool given;

    if ((sim_client_awaits(s, client, packet->conn)
         && !sim_link_of(s, client, packet->conn))
        || s->fault == SIM_ABANDONED_SERVED) {
        link = new_link(s, packet);
    }
    if (!link) {
        return;
    }
    given = parse(s, packet->cursor, &cursor);
    if (!s->devices[client]) {
        make_context(s, client);
    }
    link->life = s->lives[client];
    look(s, client, &before);
    resume(s, client, given ? &cursor : NULL, packet->lowest);
    link->conn = packet->conn;
    if (!sim_client_awaits(s, client, packet->conn)) {
        link->conn = ++s->conns;
        link->gone = true;
    }
    s->devices[client]->gen = link->conn;
    tell_difference(s, client, &before, given ? &cursor : NULL);
}

static push_status_t acknowledge(sim_t *s, int client, push_cursor_t cursor)
{
    push_device_t *device = s->devices[client];

    if (s->fault == SIM_ACK_ONE_TOO_MANY && cursor.seq < device->sent) {
        cursor.seq++;
        cursor.has_mid = false;
    }
    if (s->fault == SIM_STALE_ACK_TAKEN) {
        cursor.has_mid = false;
    }
    return push_session_ack(s->w.heap, device, &cursor, &s->w.now);
}

/* The message that was sent as its seq is forgotten. */
static bool forgotten(sim_t *s, int client, const push_cursor_t *cursor)
{
    const push_device_t *device = s->devices[client];
    push_place_t place;
    push_ref_t ref;

    if (!cursor->has_mid) {
        return false;
    }
    place = push_window_get(s->w.heap, &device->window,
                            (uint32_t)(cursor->seq - device->acked - 1));
    return push_log_read(
               s->w.heap,
               push_sub_log(s->w.heap,
                            &push_device_subs(s->w.heap, device)[place.sub]),
               place.lane, place.at, &ref)
           != PUSH_SLOT_MESSAGE;
}

/* Its session is that of an earlier stream, as store/ops/ack.c finds it. */
static bool is_of_another(const sim_t *s, const sim_packet_t *packet)
{
    return s->devices[packet->who]->gen != packet->conn
           && s->fault != SIM_SESSION_IGNORED;
}

push_status_t sim_server_ack(sim_t *s, const sim_packet_t *packet)
{
    push_cursor_t cursor;
    push_status_t status;
    flight_t before;

    if (!s->devices[packet->who] || !parse(s, packet->cursor, &cursor)) {
        return PUSH_NOT_FOUND;
    }
    if (is_of_another(s, packet)) {
        return PUSH_STALE;
    }
    look(s, packet->who, &before);
    status = acknowledge(s, packet->who, cursor);
    tell_difference(s, packet->who, &before, NULL);
    return status;
}

/* A cursor that no stream of the device ever showed. */
static push_cursor_t nonsense(const sim_t *s, int client, uint32_t choice)
{
    const push_device_t *device = s->devices[client];
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
    push_device_t *device = s->devices[client];
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
    if (acknowledge(s, client, cursor) != PUSH_STALE
        || memcmp(&before, device, sizeof(before)) != 0) {
        sim_violation(s, "nonsense: an acknowledgement of %lu was taken",
                      (unsigned long)cursor.seq);
    }
}

/* ---- upkeep ---- */

void sim_server_sweep(sim_t *s)
{
    sim_publish_look(s);
    for (int i = 0; i < SIM_USERS; i++) {
        push_log_sweep(s->w.heap, &s->users[i]->log, false, &s->w.now);
    }
    for (int i = 0; i < SIM_CHANNELS; i++) {
        push_log_sweep(s->w.heap, &s->channels[i]->log, false, &s->w.now);
    }
    push_log_sweep(s->w.heap, &s->w.broadcast->log, false, &s->w.now);
}

void sim_server_retire(sim_t *s, int client)
{
    push_device_t *device = s->devices[client];

    if (!device || device->traits & PUSH_DEVICE_ONLINE) {
        return;
    }
    world_drop(&s->w, device);
    s->devices[client] = NULL;
    sim_begin_life(s, client);
}

void sim_server_pressure(sim_t *s, int user, uint32_t choice)
{
    push_user_t *u = s->users[user];
    unsigned lane = PUSH_NORMAL + choice % 3;
    push_spot_t spot;

    push_user_forget_settled(s->w.heap, u, &s->w.now);
    if (choice % 2 && push_log_oldest(s->w.heap, &u->log, lane, &spot)) {
        push_user_evict(s->w.heap, u, &spot, &s->w.now);
    }
    sim_publish_look(s);
}
