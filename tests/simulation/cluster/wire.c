#include "simulation/cluster/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/courier.h"
#include "redis/decoder.h"
#include "redis/wakes.h"
#include "simulation/cluster/engine.h"
#include "simulation/cluster/nodes.h"
#include "simulation/cluster/threads.h"

#define LATENCY_MS 3
#define SPIKE_MS   400

/* A command on its way, or its reply. */
typedef struct flight_t {
    struct flight_t *next;
    push_request_t *request; /* NULL: nobody waits for it any more */
    push_client_t *client;   /* of the link; NULL: of the courier */
    push_command_t command;  /* borrowed from request, while that is there */
    bool owned;              /* command is our own copy */
    int node;
    unsigned master, address; /* where it goes; an address: only there */
    bool pinned, commit, ran;
    char *reply;
    size_t len;
    push_failure_t failure;
    int64_t at, deadline;
} flight_t;

struct push_courier_t {
    int node;
};

struct push_client_t {
    int node;
    push_slots_t slots;
    flight_t *done, **done_end; /* to be told by push_client_serve() */
};

struct push_wakes_t {
    int node;
    push_wakes_hooks_t hooks;
    uint32_t version;
    bool follows[PUSH_MASTERS];
    bool woken[PUSH_MASTERS], subscribed[PUSH_MASTERS];
    int64_t due[PUSH_MASTERS]; /* of a wake on its way; 0: none */
};

static struct {
    dice_t *dice;
    cs_fault_t fault;
    flight_t *first;
    uint32_t replies, wakes_lost;
    int64_t cut[CS_NODES];
    push_client_t *clients[CS_NODES];
    push_wakes_t *wakes[CS_NODES];
    push_courier_t couriers[CS_NODES];
    char bells[CS_NODES];
} wire;

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
static void renew(push_slots_t *slots)
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

static void free_flight(flight_t *flight)
{
    if (flight->owned) {
        push_command_cleanup(&flight->command);
    }
    free(flight->reply);
    free(flight);
}

static int64_t latency(void)
{
    return dice_one_in(wire.dice, 60) ? dice_below(wire.dice, SPIKE_MS)
                                      : dice_below(wire.dice, LATENCY_MS + 1);
}

static bool same_line(const flight_t *a, const flight_t *b)
{
    return a->node == b->node && !a->client == !b->client
           && a->master == b->master;
}

/* Behind all that its connection has in this direction. */
static void put_in_line(flight_t *flight)
{
    flight_t **at = &wire.first;

    for (; *at; at = &(*at)->next) {
        if (same_line(*at, flight) && (*at)->ran == flight->ran
            && (*at)->at > flight->at) {
            flight->at = (*at)->at;
        }
    }
    flight->next = NULL;
    *at = flight;
}

static bool is_away(const flight_t *flight)
{
    return wire.cut[flight->node] > cs_now()
           || cs_master(flight->master)->away > cs_now();
}

static void send(int node, push_client_t *client, push_request_t *request)
{
    flight_t *flight = calloc(1, sizeof(*flight));
    unsigned master = cs_master_of(request->command.partition);

    NEEDS(flight != NULL, "no memory for a command");
    NEEDS(master < CS_MASTERS, "a call is for a partition without a master");
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

static void answer(flight_t *flight)
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

static void deliver(flight_t *flight)
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
    free_flight(flight);
}

/* ---- wakes ---- */

static void wake(unsigned master)
{
    unsigned owners[MODEL_OWNERS];
    unsigned count = cs_engine_posted(owners);
    unsigned address = cs_master(master)->address;

    for (unsigned i = 0; i < count; i++) {
        int node = cs_node_of(owners[i]);
        push_wakes_t *wakes = node < 0 ? NULL : wire.wakes[node];

        if (wakes && wakes->follows[address] && wire.cut[node] <= cs_now()
            && (!wire.wakes_lost || !dice_one_in(wire.dice, wire.wakes_lost))
            && !wakes->due[address]) {
            wakes->due[address] = cs_now() + latency();
        }
    }
}

/* ---- at Redis ---- */

/* The master at this address has the partition no more. */
static bool has_moved(const flight_t *flight)
{
    return flight->pinned
           && flight->address != cs_master(flight->master)->address;
}

static void run(flight_t *flight)
{
    int before = cs_enter(flight->node);

    if (has_moved(flight)) {
        if (wire.fault == CS_BEAT_WITHOUT_KEY) {
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
    if (wire.replies && dice_one_in(wire.dice, wire.replies)) {
        flight->failure = PUSH_FAILURE_UNKNOWN;
    }
}

/* Nobody waits any more; it may still arrive. */
static void let_go(flight_t *flight)
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
static void give_up(flight_t *flight)
{
    flight_t *told = calloc(1, sizeof(*told));

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

static int64_t due_of(const flight_t *flight)
{
    if (flight->request && cs_is_paused(flight->node)) {
        return flight->ran ? CS_FOREVER : flight->at;
    }
    return flight->request && flight->deadline < flight->at ? flight->deadline
                                                            : flight->at;
}

static flight_t *take(flight_t *flight)
{
    flight_t **at = &wire.first;

    while (*at != flight) {
        at = &(*at)->next;
    }
    *at = flight->next;
    return flight;
}

static void serve(flight_t *flight)
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
        free_flight(flight);
    }
}

static bool serve_wakes(int node)
{
    push_wakes_t *wakes = wire.wakes[node];
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
    for (flight_t *flight = wire.first; flight; flight = flight->next) {
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

    for (const flight_t *flight = wire.first; flight; flight = flight->next) {
        int64_t due = due_of(flight);

        next = due < next ? due : next;
    }
    for (int node = 0; node < CS_NODES; node++) {
        for (unsigned i = 0; wire.wakes[node] && i < PUSH_MASTERS; i++) {
            int64_t due = wire.wakes[node]->due[i];

            next = due && due < next ? due : next;
        }
    }
    return next;
}

/* ---- faults ---- */

void cs_wire_reset(dice_t *d, cs_fault_t fault)
{
    while (wire.first) {
        free_flight(take(wire.first));
    }
    memset(&wire, 0, sizeof(wire));
    wire.dice = d;
    wire.fault = fault;
    for (int i = 0; i < CS_NODES; i++) {
        wire.couriers[i].node = i;
    }
}

void cs_wire_lossy(uint32_t replies, uint32_t wakes)
{
    wire.replies = replies;
    wire.wakes_lost = wakes;
}

/* Some had arrived; of the others none will. */
static void break_off(flight_t *flight)
{
    if (!flight->ran && dice_one_in(wire.dice, 2)) {
        flight->ran = true;
        flight->at = cs_now();
    }
    if (flight->failure == PUSH_FAILURE_NONE) {
        flight->failure = PUSH_FAILURE_UNKNOWN;
    }
}

void cs_wire_cut(int node, int64_t until)
{
    wire.cut[node] = until;
    for (flight_t *flight = wire.first; flight; flight = flight->next) {
        if (flight->node == node) {
            break_off(flight);
        }
    }
}

bool cs_wire_is_cut(int node)
{
    return wire.cut[node] > cs_now();
}

void cs_wire_drop(int node)
{
    for (flight_t *flight = wire.first; flight; flight = flight->next) {
        if (flight->node == node) {
            let_go(flight);
            break_off(flight);
            flight->client = NULL;
        }
    }
    wire.cut[node] = 0;
    wire.clients[node] = NULL;
    wire.wakes[node] = NULL;
}

/* ---- the link's poll() ---- */

const void *cs_wire_bell(int node)
{
    return &wire.bells[node];
}

bool cs_wire_has_news(int node)
{
    const push_wakes_t *wakes = wire.wakes[node];
    bool any = wire.clients[node] && wire.clients[node]->done;

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
    return &wire.couriers[cs_node()];
}

void push_courier_stop(push_courier_t *courier)
{
    (void)courier;
}

void push_courier_send(push_courier_t *courier, push_request_t *request)
{
    send(courier->node, NULL, request);
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

unsigned push_courier_master(push_courier_t *courier, unsigned partition)
{
    unsigned master = cs_master_of(partition);

    (void)courier;
    return master < CS_MASTERS ? cs_master(master)->address : PUSH_NO_MASTER;
}

void push_courier_figures(push_courier_t *courier,
                          push_client_figures_t *figures)
{
    (void)courier;
    memset(figures, 0, sizeof(*figures));
}

/* ---- as redis/client.h ---- */

push_client_t *push_client_create(const push_redis_settings_t *settings,
                                  const push_client_hooks_t *hooks)
{
    push_client_t *client = calloc(1, sizeof(*client));

    (void)settings;
    (void)hooks;
    NEEDS(client != NULL, "no memory for a client");
    client->node = cs_node();
    client->done_end = &client->done;
    renew(&client->slots);
    wire.clients[client->node] = client;
    return client;
}

void push_client_destroy(push_client_t *client)
{
    free(client);
}

void push_client_send(push_client_t *client, push_request_t *request)
{
    send(client->node, client, request);
}

unsigned push_client_pollfds(push_client_t *client, struct pollfd *fds)
{
    (void)client;
    (void)fds;
    return 0;
}

int64_t push_client_until(const push_client_t *client)
{
    (void)client;
    return push_redis_now() + 1000;
}

void push_client_serve(push_client_t *client, const struct pollfd *fds,
                       unsigned count)
{
    (void)fds;
    (void)count;
    while (client->done) {
        flight_t *flight = client->done;

        client->done = flight->next;
        client->done_end = client->done ? client->done_end : &client->done;
        if (flight->failure == PUSH_FAILURE_AGAIN
            || flight->failure == PUSH_FAILURE_AWAY
            || flight->failure == PUSH_FAILURE_UNKNOWN) {
            renew(&client->slots); /* it was sent elsewhere, or nowhere */
        }
        flight->request->done(flight->request);
        flight->request = NULL;
        free_flight(flight);
    }
}

const push_slots_t *push_client_slots(const push_client_t *client)
{
    return &client->slots;
}

bool push_client_away(const push_client_t *client, unsigned master)
{
    (void)client;
    (void)master;
    return false;
}

void push_client_renew(push_client_t *client)
{
    renew(&client->slots);
}

void push_client_figures(const push_client_t *client,
                         push_client_figures_t *figures)
{
    (void)client;
    memset(figures, 0, sizeof(*figures));
}

/* ---- as redis/wakes.h ---- */

push_wakes_t *push_wakes_create(const push_wakes_options_t *options)
{
    push_wakes_t *wakes = calloc(1, sizeof(*wakes));

    NEEDS(wakes != NULL, "no memory for wakes");
    wakes->node = cs_node();
    wakes->hooks = options->hooks;
    wire.wakes[wakes->node] = wakes;
    return wakes;
}

void push_wakes_destroy(push_wakes_t *wakes)
{
    wire.wakes[wakes->node] = NULL;
    free(wakes);
}

void push_wakes_follow(push_wakes_t *wakes, const push_slots_t *slots)
{
    if (wakes->version == slots->version) {
        return;
    }
    wakes->version = slots->version;
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        bool follows = slots->masters[i].partitions != 0;

        wakes->subscribed[i] |= follows && !wakes->follows[i];
        wakes->follows[i] = follows;
    }
}

unsigned push_wakes_pollfds(push_wakes_t *wakes, struct pollfd *fds)
{
    (void)wakes;
    (void)fds;
    return 0;
}

int64_t push_wakes_until(const push_wakes_t *wakes)
{
    (void)wakes;
    return push_redis_now() + 1000;
}

void push_wakes_serve(push_wakes_t *wakes, const struct pollfd *fds,
                      unsigned count)
{
    (void)fds;
    (void)count;
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        if (wakes->subscribed[i]) {
            wakes->subscribed[i] = false;
            wakes->hooks.subscribed(wakes->hooks.data, i);
        }
        if (wakes->woken[i]) {
            wakes->woken[i] = false;
            wakes->hooks.woken(wakes->hooks.data, i);
        }
    }
}
