#include "simulation/cluster/wire_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/decoder.h"
#include "simulation/cluster/engine.h"
#include "simulation/cluster/nodes.h"

#define LATENCY_MS 3
#define SPIKE_MS   400

cs_wire_t cs_wire;

/* ---- the map ---- */

static void name_address(unsigned address, push_address_t *name)
{
    char host[16];
    int len = snprintf(host, sizeof(host), "master-%u", address);

    push_address_set(name, host, (size_t)len, 6379);
}

static uint32_t map_version(void)
{
    uint32_t version = 1;

    for (unsigned i = 0; i < CS_MASTERS; i++) {
        version = version * 64 + cs_master(i)->address;
    }
    return version;
}

/* As redis/slots.c would have it of an answer. */
void cs_wire_renew(push_slots_t *slots)
{
    if (slots->known && slots->version == map_version()) {
        return;
    }
    slots->known = true;
    slots->cluster = true;
    slots->version = map_version();
    memset(slots->master_of, PUSH_NO_MASTER, sizeof(slots->master_of));
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        slots->masters[i].partitions = 0;
    }
    for (unsigned i = 0; i < CS_MASTERS; i++) {
        unsigned address = cs_master(i)->address;

        name_address(address, &slots->masters[address].address);
        slots->masters[address].partitions++;
        slots->master_of[cs_master(i)->partition] = (uint8_t)address;
        slots->end = slots->end <= address ? address + 1 : slots->end;
    }
}

/* ---- it is sent ---- */

void cs_wire_free(cs_flight_t *flight)
{
    if (flight->owned) {
        push_command_cleanup(&flight->command);
    }
    free(flight->reply);
    free(flight);
}

static int64_t latency(void)
{
    return dice_one_in(cs_wire.dice, 60)
               ? dice_below(cs_wire.dice, SPIKE_MS)
               : dice_below(cs_wire.dice, LATENCY_MS + 1);
}

static bool same_line(const cs_flight_t *a, const cs_flight_t *b)
{
    return a->node == b->node && !a->client == !b->client
           && a->master == b->master;
}

/* Behind all that its connection has in this direction. */
static void put_in_line(cs_flight_t *flight)
{
    cs_flight_t **at = &cs_wire.first;

    for (; *at; at = &(*at)->next) {
        if (same_line(*at, flight) && (*at)->ran == flight->ran
            && (*at)->at > flight->at) {
            flight->at = (*at)->at;
        }
    }
    flight->next = NULL;
    *at = flight;
}

static bool is_away(const cs_flight_t *flight)
{
    return cs_wire.cut[flight->node] > cs_now()
           || cs_master(flight->master)->away > cs_now();
}

void cs_wire_send(int node, push_client_t *client, push_request_t *request)
{
    cs_flight_t *flight = calloc(1, sizeof(*flight));
    unsigned master = cs_master_of(request->command.partition);

    NEEDS(flight != NULL, "no memory for a command");
    flight->request = request;
    flight->client = client;
    flight->command = request->command;
    flight->node = node;
    flight->master = master;
    flight->pinned = request->master >= 0;
    flight->address = flight->pinned ? (unsigned)request->master : 0;
    flight->commit = request->replicas != 0;
    flight->at = cs_now() + latency();
    flight->deadline = cs_now() + PUSH_REQUEST_MS;
    if (is_away(flight)) {
        flight->failure = PUSH_FAILURE_AWAY;
        flight->ran = true;
    }
    put_in_line(flight);
}

/* ---- it is over ---- */

static void answer(cs_flight_t *flight)
{
    push_request_t *request = flight->request;
    push_decoder_t *decoder;

    request->failure = flight->failure;
    request->answered = cs_master(flight->master)->address;
    request->replicated = request->replicas;
    if (flight->failure == PUSH_FAILURE_NONE) {
        decoder = push_decoder_create();
        NEEDS(decoder != NULL, "no memory for a reply");
        push_decoder_feed(decoder, flight->reply, flight->len);
        NEEDS(push_decoder_next(decoder, &request->reply)
                  == PUSH_DECODED_REPLY,
              "the engine gives no reply");
        push_decoder_destroy(decoder);
    }
}

static void deliver(cs_flight_t *flight)
{
    push_request_t *request = flight->request;
    int before;

    if (request->failure == PUSH_FAILURE_NONE && !request->reply) {
        answer(flight);
    }
    if (flight->client) {
        push_client_t *client = flight->client;

        flight->next = NULL;
        *client->done_end = flight;
        client->done_end = &flight->next;
        cs_ring(cs_wire_bell(flight->node));
        return;
    }
    flight->request = NULL;
    if (request->done) {
        before = cs_enter(flight->node);
        request->done(request);
        cs_enter(before);
    }
    else {
        sem_post(&request->over);
        cs_ring(&request->over);
    }
    cs_wire_free(flight);
}

/* ---- wakes ---- */

static void wake(unsigned master)
{
    unsigned owners[MODEL_OWNERS];
    unsigned count = cs_engine_posted(owners);
    unsigned address = cs_master(master)->address;

    for (unsigned i = 0; i < count; i++) {
        int node = cs_node_of(owners[i]);
        push_wakes_t *wakes = node < 0 ? NULL : cs_wire.wakes[node];

        if (wakes && wakes->follows[address] && cs_wire.cut[node] <= cs_now()
            && (!cs_wire.wakes_lost
                || !dice_one_in(cs_wire.dice, cs_wire.wakes_lost))
            && !wakes->due[address]) {
            wakes->due[address] = cs_now() + latency();
        }
    }
}

/* ---- at Redis ---- */

/* The master at this address has the partition no more. */
static bool has_moved(const cs_flight_t *flight)
{
    return flight->pinned
           && flight->address != cs_master(flight->master)->address;
}

static void run(cs_flight_t *flight)
{
    int before = cs_enter(flight->node);

    if (has_moved(flight)) {
        if (cs_wire.fault == CS_BEAT_WITHOUT_KEY) {
            flight->reply = cs_engine_stale(flight->master, &flight->command,
                                            &flight->len);
        }
        else {
            flight->failure = PUSH_FAILURE_AGAIN;
        }
    }
    else {
        flight->reply = cs_engine_run(flight->master, &flight->command,
                                      flight->commit, &flight->len);
        wake(flight->master);
    }
    cs_enter(before);
    flight->ran = true;
    flight->at = cs_now() + latency();
    if (cs_wire.replies && dice_one_in(cs_wire.dice, cs_wire.replies)) {
        flight->failure = PUSH_FAILURE_UNKNOWN;
    }
}

/* Nobody waits any more; it may still arrive. */
static void let_go(cs_flight_t *flight)
{
    if (flight->request && !flight->owned) {
        push_command_t copy;
        size_t at = 0;

        push_command_begin(&copy, flight->command.partition);
        for (unsigned i = 0; i < flight->command.count; i++) {
            push_command_text(
                &copy, (push_text_t){(const char *)flight->command.bytes + at,
                                     flight->command.lens[i]});
            at += flight->command.lens[i];
        }
        flight->command = copy;
        flight->owned = true;
    }
    flight->request = NULL;
}

/* Its deadline is over: whoever waits is told that nobody knows. */
static void give_up(cs_flight_t *flight)
{
    cs_flight_t *told = calloc(1, sizeof(*told));

    NEEDS(told != NULL, "no memory for a command");
    *told = *flight;
    told->next = NULL;
    told->owned = false;
    told->reply = NULL;
    told->failure = PUSH_FAILURE_UNKNOWN;
    let_go(flight);
    deliver(told);
}

/* ---- turns ---- */

static int64_t due_of(const cs_flight_t *flight)
{
    if (flight->request && cs_is_paused(flight->node)) {
        return flight->ran ? CS_FOREVER : flight->at;
    }
    return flight->request && flight->deadline < flight->at ? flight->deadline
                                                            : flight->at;
}

static cs_flight_t *take(cs_flight_t *flight)
{
    cs_flight_t **at = &cs_wire.first;

    while (*at != flight) {
        at = &(*at)->next;
    }
    *at = flight->next;
    return flight;
}

static void serve(cs_flight_t *flight)
{
    if (flight->request && flight->at > cs_now()) {
        give_up(flight);
        return;
    }
    take(flight);
    if (!flight->ran) {
        run(flight);
        put_in_line(flight);
    }
    else if (flight->request) {
        deliver(flight);
    }
    else {
        cs_wire_free(flight);
    }
}

static bool serve_wakes(int node)
{
    push_wakes_t *wakes = cs_wire.wakes[node];
    bool any = false;

    for (unsigned i = 0; wakes && i < PUSH_MASTERS; i++) {
        if (wakes->due[i] && wakes->due[i] <= cs_now()) {
            wakes->due[i] = 0;
            wakes->woken[i] = true;
            cs_ring(cs_wire_bell(node));
            any = true;
        }
    }
    return any;
}

bool cs_wire_turn(void)
{
    bool any = false;

    for (int node = 0; node < CS_NODES; node++) {
        any = serve_wakes(node) || any;
    }
    for (cs_flight_t *flight = cs_wire.first; flight; flight = flight->next) {
        if (due_of(flight) <= cs_now()) {
            serve(flight);
            return true;
        }
    }
    return any;
}

int64_t cs_wire_next(void)
{
    int64_t next = CS_FOREVER;

    for (const cs_flight_t *flight = cs_wire.first; flight;
         flight = flight->next) {
        int64_t due = due_of(flight);

        next = due < next ? due : next;
    }
    for (int node = 0; node < CS_NODES; node++) {
        for (unsigned i = 0; cs_wire.wakes[node] && i < PUSH_MASTERS; i++) {
            int64_t due = cs_wire.wakes[node]->due[i];

            next = due && due < next ? due : next;
        }
    }
    return next;
}

/* ---- faults ---- */

void cs_wire_reset(dice_t *d, cs_fault_t fault)
{
    while (cs_wire.first) {
        cs_wire_free(take(cs_wire.first));
    }
    memset(&cs_wire, 0, sizeof(cs_wire));
    cs_wire.dice = d;
    cs_wire.fault = fault;
    for (int i = 0; i < CS_NODES; i++) {
        cs_wire.couriers[i].node = i;
    }
}

void cs_wire_lossy(uint32_t replies, uint32_t wakes)
{
    cs_wire.replies = replies;
    cs_wire.wakes_lost = wakes;
}

/* Some had arrived; of the others none will. */
static void break_off(cs_flight_t *flight)
{
    if (!flight->ran && dice_one_in(cs_wire.dice, 2)) {
        flight->ran = true;
        flight->at = cs_now();
    }
    if (flight->failure == PUSH_FAILURE_NONE) {
        flight->failure = PUSH_FAILURE_UNKNOWN;
    }
}

void cs_wire_cut(int node, int64_t until)
{
    cs_wire.cut[node] = until;
    for (cs_flight_t *flight = cs_wire.first; flight; flight = flight->next) {
        if (flight->node == node) {
            break_off(flight);
        }
    }
}

bool cs_wire_is_cut(int node)
{
    return cs_wire.cut[node] > cs_now();
}

void cs_wire_drop(int node)
{
    for (cs_flight_t *flight = cs_wire.first; flight; flight = flight->next) {
        if (flight->node == node) {
            let_go(flight);
            break_off(flight);
            flight->client = NULL;
        }
    }
    cs_wire.cut[node] = 0;
    cs_wire.clients[node] = NULL;
    cs_wire.wakes[node] = NULL;
}

/* ---- the link's poll() ---- */

const void *cs_wire_bell(int node)
{
    return &cs_wire.bells[node];
}

bool cs_wire_has_news(int node)
{
    const push_wakes_t *wakes = cs_wire.wakes[node];
    bool any = cs_wire.clients[node] && cs_wire.clients[node]->done;

    for (unsigned i = 0; wakes && i < PUSH_MASTERS; i++) {
        any = any || wakes->woken[i] || wakes->subscribed[i];
    }
    return any;
}

/* ---- as redis/courier.h ---- */

push_courier_t *push_courier_start(const push_redis_settings_t *settings,
                                   const push_client_hooks_t *hooks)
{
    (void)settings;
    (void)hooks;
    return &cs_wire.couriers[cs_node()];
}

void push_courier_stop(push_courier_t *courier)
{
    (void)courier;
}

void push_courier_send(push_courier_t *courier, push_request_t *request)
{
    cs_wire_send(courier->node, NULL, request);
}

void push_courier_wait(push_courier_t *courier, push_request_t *request)
{
    (void)courier;
    while (sem_trywait(&request->over)) {
        cs_wait(&request->over, CS_FOREVER);
    }
}

push_failure_t push_courier_call(push_courier_t *courier,
                                 push_request_t *request)
{
    push_courier_send(courier, request);
    push_courier_wait(courier, request);
    return request->failure;
}

push_failure_t push_courier_every(push_courier_t *courier,
                                  const push_courier_every_t *every)
{
    (void)courier;
    (void)every;
    return PUSH_FAILURE_AWAY; /* the relay's, and there is none */
}

/* As the map has it: nobody looks at partitions without data. */
unsigned push_courier_master(push_courier_t *courier, unsigned partition)
{
    const cs_master_t *master = cs_master(cs_master_of(partition));

    (void)courier;
    return master->partition == partition ? master->address : PUSH_NO_MASTER;
}

void push_courier_figures(push_courier_t *courier,
                          push_client_figures_t *figures)
{
    (void)courier;
    memset(figures, 0, sizeof(*figures));
}
