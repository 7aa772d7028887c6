#include "redis/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/backoff.h"
#include "redis/connection.h"
#include "redis/request.h"

/* Between two answers, however many ask for a renewal. */
#define SHORTEST_MS 100

#define KNOWN 128u

/*
 * One question has up to two steps, over a connection each: a sentinel says
 * who the master is (WHO), and a server says what it knows (SLOTS), or what it
 * is (ROLE).
 */
typedef enum { IDLE, WHO, SLOTS, ROLE } step_t;

struct push_topology_t {
    const push_redis_settings_t *settings;
    bool resolves_itself;
    push_slots_t slots;
    push_address_t known[KNOWN]; /* nodes of the last answer */
    unsigned known_count;
    step_t step;
    push_connection_t *connection;
    bool over;             /* the connection has done its part */
    push_address_t master; /* as a sentinel said */
    unsigned next;         /* of all that can be asked */
    unsigned failed;       /* in a row */
    unsigned rounds;       /* in vain */
    int64_t due, answered;
    bool wanted; /* once more, when the answer is there */
    push_failure_t failure;
    char why[PUSH_REDIS_WHY + PUSH_REDIS_ADDRESS_TEXT];
};

push_topology_t *push_topology_create(const push_redis_settings_t *settings)
{
    push_topology_t *topology = calloc(1, sizeof(*topology));

    if (topology) {
        topology->settings = settings;
        push_slots_init(&topology->slots);
    }
    return topology;
}

void push_topology_destroy(push_topology_t *topology)
{
    if (topology) {
        push_connection_destroy(topology->connection);
        free(topology);
    }
}

void push_topology_resolve_itself(push_topology_t *topology)
{
    topology->resolves_itself = true;
}

push_slots_t *push_topology_slots(push_topology_t *topology)
{
    return &topology->slots;
}

void push_topology_renew(push_topology_t *topology)
{
    int64_t due = topology->answered + SHORTEST_MS;

    topology->wanted = topology->connection != NULL;
    if (due < topology->due && !topology->failed) {
        topology->due = due;
    }
}

push_failure_t push_topology_failure(const push_topology_t *topology,
                                     const char **why)
{
    *why = topology->why;
    return topology->failure;
}

/* ---- who can be asked ---- */

static bool by_sentinel(const push_topology_t *topology)
{
    return topology->settings->urls[0].sentinel;
}

static unsigned candidates(const push_topology_t *topology)
{
    return topology->settings->count
           + (by_sentinel(topology) ? 0 : topology->known_count);
}

static const push_address_t *candidate(const push_topology_t *topology)
{
    unsigned at = topology->next % candidates(topology);

    return at < topology->settings->count
               ? &topology->settings->urls[at].address
               : &topology->known[at - topology->settings->count];
}

static void know(push_topology_t *topology, const push_address_t *address)
{
    for (unsigned i = 0; i < topology->known_count; i++) {
        if (push_address_same(&topology->known[i], address)) {
            return;
        }
    }
    if (topology->known_count < KNOWN) {
        topology->known[topology->known_count++] = *address;
    }
}

/* All nodes of a reply to CLUSTER SLOTS: masters and replicas. */
static void know_nodes(push_topology_t *topology, const push_reply_t *reply,
                       const push_address_t *asked)
{
    push_address_t address;

    topology->known_count = 0;
    for (unsigned i = 0; i < push_reply_count(reply); i++) {
        const push_reply_t *range = push_reply_at(reply, i);

        for (unsigned j = 2; j < push_reply_count(range); j++) {
            if (push_slots_node(push_reply_at(range, j), asked, &address)) {
                know(topology, &address);
            }
        }
    }
}

/* ---- what comes of a question ---- */

static void succeed(push_topology_t *topology)
{
    topology->over = true;
    topology->step = IDLE;
    topology->failed = 0;
    topology->rounds = 0;
    topology->failure = PUSH_FAILURE_NONE;
    topology->answered = push_redis_now();
    topology->due = topology->answered
                    + (topology->wanted ? SHORTEST_MS : PUSH_TOPOLOGY_MS);
    topology->wanted = false;
    /* The next question goes to another: this one may be cut off from all. */
    topology->next++;
}

static void fail(push_topology_t *topology, push_failure_t failure,
                 const char *why, unsigned len)
{
    char room[PUSH_REDIS_ADDRESS_TEXT];
    bool all = ++topology->failed >= candidates(topology);

    snprintf(topology->why, sizeof(topology->why), "%s: %.*s",
             push_address_format(push_connection_address(topology->connection),
                                 room),
             (int)len, why);
    topology->over = true;
    topology->step = IDLE;
    topology->next++;
    topology->due = push_redis_now();
    if (all) {
        topology->failed = 0;
        topology->rounds++;
        topology->failure = failure;
        topology->due += push_backoff_ms(topology->rounds);
    }
}

static void fail_with(push_topology_t *topology, const char *why)
{
    fail(topology, PUSH_FAILURE_SETUP, why, (unsigned)strlen(why));
}

static void ask(push_topology_t *topology, const char *const *words)
{
    push_command_t command;
    push_sending_t sending = {.command = &command, .tag = topology};

    push_command_begin(&command, 0);
    for (; *words; words++) {
        push_command_string(&command, *words);
    }
    if (!push_connection_send(topology->connection, &sending)) {
        fail(topology, PUSH_FAILURE_MEMORY, "no memory", 9);
    }
    push_command_cleanup(&command);
}

static void opened(void *data)
{
    push_topology_t *topology = data;
    const char *slots[] = {"CLUSTER", "SLOTS", NULL};
    const char *role[] = {"ROLE", NULL};
    const char *who[] = {"SENTINEL", "get-master-addr-by-name",
                         topology->settings->urls[0].master, NULL};

    ask(topology, topology->step == WHO     ? who
                  : topology->step == SLOTS ? slots
                                            : role);
}

static void take_who(push_topology_t *topology, const push_reply_t *reply)
{
    const push_address_t *asked = push_connection_address(
        topology->connection);

    if (!push_slots_node(reply, asked, &topology->master)) {
        fail_with(topology, "the sentinel knows no master of this name");
        return;
    }
    topology->over = true;
    topology->step = ROLE;
}

static bool role_is(const push_reply_t *reply, const char *role)
{
    push_text_t text = push_reply_text(push_reply_at(reply, 0));

    return text.len == strlen(role) && !memcmp(text.at, role, text.len);
}

static void take_role(push_topology_t *topology, const push_reply_t *reply)
{
    push_text_t host = push_reply_text(push_reply_at(reply, 1));
    int64_t port = push_reply_integer(push_reply_at(reply, 2));
    push_address_t address;

    if (role_is(reply, "master")) {
        push_slots_single(&topology->slots,
                          push_connection_address(topology->connection));
        succeed(topology);
        return;
    }
    if (role_is(reply, "sentinel")) {
        fail_with(topology, "it is a sentinel: write redis+sentinel://…/NAME");
        return;
    }
    if (host.len
        && push_address_set(&address, host.at, host.len,
                            (unsigned)port & UINT16_MAX)) {
        topology->known_count = 0;
        know(topology, &address);
    }
    fail_with(topology, "it is a replica, and no master");
}

static void take_slots(push_topology_t *topology, const push_reply_t *reply)
{
    const push_address_t *asked = push_connection_address(
        topology->connection);

    if (!push_slots_take(&topology->slots, reply, asked)) {
        fail_with(topology, "it knows no master of any slot, or more than 64");
        return;
    }
    know_nodes(topology, reply, asked);
    succeed(topology);
}

/* What Redis says to CLUSTER where cluster-enabled is no. */
static bool is_no_cluster(push_text_t error)
{
    return memmem(error.at, error.len, "cluster support disabled", 24);
}

static void answered(void *data, void *tag, push_reply_t *reply)
{
    push_topology_t *topology = data;
    push_text_t text = push_reply_text(reply);
    bool error = push_reply_kind(reply) == PUSH_REPLY_ERROR;

    (void)tag;
    if (error && topology->step == SLOTS && is_no_cluster(text)) {
        topology->step = ROLE;
        opened(topology);
    }
    else if (error) {
        fail(topology, push_failure_of(text), text.at, text.len);
    }
    else if (topology->step == WHO) {
        take_who(topology, reply);
    }
    else if (topology->step == SLOTS) {
        take_slots(topology, reply);
    }
    else {
        take_role(topology, reply);
    }
    push_reply_free(reply);
}

static void dropped(void *data, void *tag, bool sent)
{
    /* closed() comes next. */
    (void)data;
    (void)tag;
    (void)sent;
}

static void closed(void *data, push_failure_t failure, const char *why)
{
    push_topology_t *topology = data;

    if (!topology->over) {
        fail(topology, failure, why, (unsigned)strlen(why));
    }
}

/* ---- driven by poll(2) ---- */

static void connect_to(push_topology_t *topology,
                       const push_address_t *address)
{
    const push_connection_options_t options = {
        .settings = topology->settings,
        .address = *address,
        .sentinel = topology->step == WHO,
        .resolves_itself = topology->resolves_itself,
        .hooks = {topology, opened, answered, NULL, dropped, closed}};

    topology->over = false;
    topology->connection = push_connection_create(&options);
    if (topology->connection) {
        push_connection_open(topology->connection);
        push_connection_serve(topology->connection, 0);
    }
    else {
        topology->step = IDLE;
        topology->due = push_redis_now() + SHORTEST_MS;
    }
}

struct pollfd push_topology_pollfd(const push_topology_t *topology)
{
    return topology->connection ? push_connection_pollfd(topology->connection)
                                : (struct pollfd){.fd = -1};
}

int64_t push_topology_until(const push_topology_t *topology)
{
    if (topology->over) {
        return 0;
    }
    return topology->connection ? push_connection_until(topology->connection)
                                : topology->due;
}

void push_topology_serve(push_topology_t *topology, short events)
{
    if (topology->connection) {
        push_connection_serve(topology->connection, events);
    }
    if (topology->over) {
        push_connection_destroy(topology->connection);
        topology->connection = NULL;
        topology->over = false;
        if (topology->step == ROLE) {
            connect_to(topology, &topology->master);
        }
    }
    if (!topology->connection && topology->step == IDLE
        && topology->due <= push_redis_now()) {
        topology->step = by_sentinel(topology) ? WHO : SLOTS;
        connect_to(topology, candidate(topology));
    }
}
