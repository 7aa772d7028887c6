#include "simulation/steps.h"

#include "core/mailbox.h"
#include "core/session.h"
#include "simulation/client.h"
#include "simulation/link.h"
#include "simulation/migrant.h"
#include "simulation/network.h"
#include "simulation/publish.h"
#include "simulation/server.h"
#include "simulation/story.h"
#include "simulation/upkeep.h"

#define DAY    86400000
#define PLENTY ((size_t)1 << 20)
#define ROUNDS 60

/* After so long a full window is looked at again, see stream/loop/waits.h. */
#define WINDOW_MS 256

static void let_pass(sim_t *s, int64_t ms)
{
    s->now.mono += ms;
    s->now.wall += ms;
}

/* ---- the steps ---- */

static void publish(sim_t *s, int client, uint32_t choice)
{
    dice_t d = dice(choice);

    (void)client;
    sim_publish_begin(s, &d);
    if (choice % 4) {
        sim_carry(s, s->packets_count - 1, SIM_ARRIVES);
    }
}

static void publish_again(sim_t *s, int client, uint32_t choice)
{
    (void)client;
    sim_publish_again(s, choice);
}

static void recall(sim_t *s, int client, uint32_t choice)
{
    (void)client;
    sim_publish_recall(s, choice);
}

/* Attempts come again and again where that is the fault: it is seldom seen. */
static void carry_one(sim_t *s, unsigned index, sim_fortune_t fortune)
{
    if (s->fault == SIM_ABANDONED_SERVED
        && s->packets[index].kind == SIM_CONNECT) {
        fortune = SIM_ARRIVES_AND_STAYS;
    }
    sim_carry(s, index, fortune);
}

static void carry(sim_t *s, int client, uint32_t choice)
{
    static const sim_fortune_t fortunes[] = {
        SIM_ARRIVES, SIM_ARRIVES, SIM_ARRIVES,           SIM_ARRIVES,
        SIM_ARRIVES, SIM_ARRIVES, SIM_ARRIVES_AND_STAYS, SIM_IS_LOST};

    (void)client;
    if (s->packets_count) {
        carry_one(s, choice / 8 % s->packets_count, fortunes[choice % 8]);
    }
}

/* Any of the client's links: of its stream, or of one that it left. */
static sim_link_t *some_link(sim_t *s, int client, uint32_t choice)
{
    for (uint32_t i = 0; i < SIM_LINKS; i++) {
        sim_link_t *link = &s->links[(choice + i) % SIM_LINKS];

        if (link->used && link->client == client) {
            return link;
        }
    }
    return NULL;
}

/* The reactor of that stream, or any, has a turn. */
static void turn(sim_t *s, int client, uint32_t choice)
{
    sim_link_t *link = some_link(s, client, choice);
    unsigned child = choice % SIM_CHILDREN;

    if (link) {
        sim_link_make_room(s, link, choice % 3 ? PLENTY : choice / 3 % 700);
        child = link->child;
    }
    sim_server_turn(s, child);
}

static void notice(sim_t *s, int client, uint32_t choice)
{
    sim_link_t *link = some_link(s, client, choice);

    if (link && link->gone) {
        sim_link_notice(s, link, choice % 3 == 0);
    }
}

static void read_some(sim_t *s, int client, uint32_t choice)
{
    sim_client_read(s, client, choice % 3 ? PLENTY : choice / 3 % 300);
}

static void connect_now(sim_t *s, int client, uint32_t choice)
{
    bool idle = !sim_client_conn(s, client);
    push_urgency_t lowest = PUSH_VERY_LOW;

    if (s->picky) {
        lowest = (push_urgency_t)(PUSH_NORMAL + choice / 3 % 3);
    }
    sim_client_connect(s, client, lowest);
    if (idle && choice % 3 && s->packets_count) {
        carry_one(s, s->packets_count - 1, SIM_ARRIVES);
    }
}

static void cut(sim_t *s, int client, uint32_t choice)
{
    (void)choice;
    sim_client_cut(s, client);
}

static void acknowledge(sim_t *s, int client, uint32_t choice)
{
    (void)choice;
    sim_client_acknowledge(s, client);
}

static void ack_timeout(sim_t *s, int client, uint32_t choice)
{
    (void)choice;
    sim_client_ack_timeout(s, client);
}

static void store(sim_t *s, int client, uint32_t choice)
{
    (void)choice;
    sim_client_store(s, client);
}

/* The last that it says may be long on its way. */
static void restart_client(sim_t *s, int client, uint32_t choice)
{
    if (choice / 3 % 2) {
        sim_client_acknowledge(s, client);
    }
    sim_client_restart(s, client, choice % 3 != 0);
}

static void revive(sim_t *s, int client, uint32_t choice)
{
    (void)choice;
    sim_client_revive(s, client);
}

/*
 * The memory is lost, and with it the keys: a publisher without an answer
 * cannot know whether to ask again, so here it gives up.
 */
static void restart_server(sim_t *s, int client, uint32_t choice)
{
    (void)client;
    sim_server_stop(s);
    sim_forget_all(s);
    for (int i = 0; i < s->published; i++) {
        s->publishes[i].keyed = false;
    }
    let_pass(s, 1 + choice % 500);
    sim_server_start(s);
}

static void move_streams(sim_t *s, int client, uint32_t choice)
{
    (void)client;
    sim_migrants_send(s, choice % SIM_CHILDREN, 1 + choice / 2 % 3);
}

static void kill_child(sim_t *s, int client, uint32_t choice)
{
    (void)client;
    sim_server_kill(s, choice % SIM_CHILDREN);
}

static void pass(sim_t *s, int client, uint32_t choice)
{
    static const int64_t spans[] = {1,    20,   300,   1000,
                                    4000, 7000, 11000, 61000};

    (void)client;
    let_pass(s, 1 + choice / 8 % spans[choice % 8]);
}

/* The wall clock alone is set, by a day either way. */
static void set_clock(sim_t *s, int client, uint32_t choice)
{
    (void)client;
    s->now.wall += (choice % 2 ? DAY : -DAY) + choice % 1000;
}

static void sweep(sim_t *s, int client, uint32_t choice)
{
    (void)client;
    (void)choice;
    sim_server_sweep(s);
}

static void retire(sim_t *s, int client, uint32_t choice)
{
    (void)choice;
    sim_server_retire(s, client % SIM_USERS);
}

static void pressure(sim_t *s, int client, uint32_t choice)
{
    (void)client;
    sim_server_pressure(s, choice);
}

static void dismiss(sim_t *s, int client, uint32_t choice)
{
    (void)choice;
    sim_server_dismiss(s, client % SIM_USERS);
}

/* Of the next few allocations one fails. */
static void fail_allocation(sim_t *s, int client, uint32_t choice)
{
    (void)client;
    s->fail_at = 1 + choice % 6;
}

static const struct {
    const char *name;
    uint32_t weight;
    void (*run)(sim_t *s, int client, uint32_t choice);
} table[] = {
    {"publish", 26, publish},
    {"a publisher asks again", 3, publish_again},
    {"recall", 2, recall},
    {"a packet is carried", 22, carry},
    {"connect", 14, connect_now},
    {"a reactor has a turn", 24, turn},
    {"the client reads", 24, read_some},
    {"the application handles", 30, sim_client_handle},
    {"acknowledge", 10, acknowledge},
    {"an acknowledgement times out", 2, ack_timeout},
    {"nonsense is acknowledged", 2, sim_server_nonsense},
    {"cut", 7, cut},
    {"the server notices", 4, notice},
    {"store the cursor", 3, store},
    {"the client restarts", 2, restart_client},
    {"a superseded client begins anew", 3, revive},
    {"the server restarts", 1, restart_server},
    {"a process of the server dies", 1, kill_child},
    {"streams move to another process", 2, move_streams},
    {"time passes", 6, pass},
    {"the wall clock is set", 1, set_clock},
    {"sweep", 3, sweep},
    {"devices are forgotten", 1, retire},
    {"memory is short", 1, pressure},
    {"an administrator ends streams", 1, dismiss},
    {"an allocation fails", 1, fail_allocation},
};

#define KINDS (sizeof(table) / sizeof(table[0]))

sim_step_t sim_step_draw(dice_t *d)
{
    uint32_t total = 0, at;
    uint8_t kind = 0;

    for (size_t i = 0; i < KINDS; i++) {
        total += table[i].weight;
    }
    at = dice_below(d, total);
    while (at >= table[kind].weight) {
        at -= table[kind++].weight;
    }
    return (sim_step_t){kind, (uint8_t)dice_below(d, SIM_CLIENTS),
                        dice_below(d, 1u << 30)};
}

void sim_step_do(sim_t *s, const sim_step_t *step)
{
    table[step->kind].run(s, step->client, step->choice);
}

void sim_step_print(FILE *out, const sim_step_t *step)
{
    fprintf(out, "  client %u, %u: %s\n", step->client, step->choice,
            table[step->kind].name);
}

/* ---- the end ---- */

static void settle_network(sim_t *s)
{
    while (s->packets_count) {
        sim_carry(s, 0, SIM_ARRIVES);
    }
    for (int i = 0; i < SIM_LINKS; i++) {
        if (s->links[i].used && s->links[i].gone) {
            sim_link_notice(s, &s->links[i], false);
        }
    }
}

/* All that may be sent is. */
static void settle_streams(sim_t *s)
{
    for (int i = 0; i < SIM_LINKS; i++) {
        if (s->links[i].used) {
            sim_link_make_room(s, &s->links[i], PLENTY);
        }
    }
    for (unsigned i = 0; i < SIM_CHILDREN; i++) {
        do {
            sim_server_turn(s, i);
        } while (s->children[i].set.queue.count);
    }
}

static void settle_client(sim_t *s, int client)
{
    uint32_t conn = sim_client_conn(s, client);

    if (conn && !sim_link_of(s, client, conn)) {
        sim_client_cut(s, client);
    }
    sim_client_revive(s, client);
    sim_client_connect(s, client, PUSH_VERY_LOW);
    settle_network(s);
    settle_streams(s);
    sim_client_read(s, client, PLENTY);
    sim_client_handle_all(s, client);
    sim_client_ack_timeout(s, client);
    sim_client_acknowledge(s, client);
    settle_network(s);
}

/* Nothing of it is on its way, as far as that can be known. */
static bool all_arrived(sim_t *s, int client)
{
    const sim_link_t *link = sim_link_of(s, client,
                                         sim_client_conn(s, client));

    if (s->implicit && client == 0) {
        return link && sim_link_done(s, link);
    }
    return !push_session_in_flight(sim_device(s, client));
}

static bool at_rest(sim_t *s)
{
    for (int i = 0; i < SIM_CLIENTS; i++) {
        const push_device_t *device = sim_device(s, i);

        if (!device || !(device->traits & PUSH_DEVICE_ONLINE)
            || !all_arrived(s, i)
            || push_mailbox_pending(&s->store->heaps[0], device, &s->now,
                                    PUSH_SUBSCRIPTION_USER,
                                    push_device_subscriptions_count(device))
            || !sim_client_conn(s, i)) {
            return false;
        }
    }
    return true;
}

/* True if that came to rest. */
static bool settle_all(sim_t *s)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SIM_CLIENTS; i++) {
            settle_client(s, i);
        }
        if (at_rest(s)) {
            return true;
        }
        let_pass(s, WINDOW_MS);
        sim_server_sweep(s);
    }
    return false;
}

/*
 * Nothing may have to wait for a heartbeat, but for what could not be sent for
 * want of memory.
 */
void sim_settle(sim_t *s)
{
    s->fail_at = 0;
    for (int i = 0; s->picky && i < SIM_CLIENTS; i++) {
        sim_client_cut(s, i);
    }
    for (int i = 0; i < s->published; i++) {
        if (s->publishes[i].keyed && !s->publishes[i].told) {
            sim_publish_again(s, (uint32_t)i);
        }
    }
    settle_network(s);
    if (!settle_all(s)) {
        let_pass(s, s->short_sent ? SIM_HEARTBEAT : 0);
        if (!s->short_sent || !settle_all(s)) {
            sim_violation(s, "stuck: something waits for ever");
        }
    }
    sim_server_look(s);
    sim_server_validate(s);
    sim_publish_tell_ends(s);
}
