#include "redis/client_internal.h"

#include <stdlib.h>

/* While a master is away, who may have taken its partitions over? */
#define ASK_MS 500

push_client_t *push_client_create(const push_redis_settings_t *settings,
                                  const push_client_hooks_t *hooks)
{
    push_client_t *client = calloc(1, sizeof(*client));

    if (!client) {
        return NULL;
    }
    client->settings = settings;
    client->hooks = *hooks;
    client->topology = push_topology_create(settings);
    if (!client->topology) {
        free(client);
        return NULL;
    }
    client->slots = push_topology_slots(client->topology);
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        for (unsigned j = 0; j < PUSH_LINES; j++) {
            push_line_init(&client->nodes[i].lines[j], client, i);
            client->nodes[i].lines[j].lots = j != 0;
        }
    }
    return client;
}

/* ---- requests ---- */

void push_client_send(push_client_t *client, push_request_t *request)
{
    if (!push_deadlines_add(&client->deadlines, request)) {
        request->failure = PUSH_FAILURE_MEMORY;
        push_request_list_append(&client->over, request);
        return;
    }
    push_request_list_append(&client->fresh, request);
}

static void route(push_client_t *client, push_request_t *request)
{
    const push_slots_t *slots = client->slots;
    unsigned master =
        slots->master_of[request->command.partition % PUSH_PARTITIONS];

    if (request->asking != PUSH_NO_MASTER) {
        master = request->asking;
    }
    else if (request->master >= 0) {
        master = (unsigned)request->master;
    }
    push_request_list_remove(request);
    if (request->command.failed) {
        push_client_end(client, request, PUSH_FAILURE_MEMORY);
    }
    else if (master == PUSH_NO_MASTER) {
        /* Nobody has its slot; somebody may in a moment. */
        push_topology_renew(client->topology);
        push_client_park(client, request, 50);
    }
    else if (master >= slots->end) {
        push_client_end(client, request, PUSH_FAILURE_AWAY);
    }
    else {
        push_node_take(client, master, request);
    }
}

static void route_fresh(push_client_t *client)
{
    const char *why;
    push_failure_t failure = push_topology_failure(client->topology, &why);
    push_request_t *next;

    if (!client->slots->known && failure == PUSH_FAILURE_NONE) {
        return;
    }
    for (push_request_t *r = client->fresh.first; r; r = next) {
        next = r->next;
        if (client->slots->known) {
            route(client, r);
        }
        else {
            push_client_end(client, r, PUSH_FAILURE_AWAY);
        }
    }
}

static void unpark(push_client_t *client, int64_t now)
{
    push_request_t *next;

    for (push_request_t *r = client->parked.first; r; r = next) {
        next = r->next;
        if (r->again <= now) {
            push_client_park(client, r, 0);
        }
    }
}

static void expire(push_client_t *client, int64_t now)
{
    while (client->deadlines.count
           && client->deadlines.heap[0]->deadline <= now) {
        push_outcome_late(client, client->deadlines.heap[0]);
    }
}

/* Those that are over leave: done() may free them, and send others. */
static void let_leave(push_client_t *client)
{
    push_request_t *request = push_request_list_take(&client->over);

    for (; request; request = push_request_list_take(&client->over)) {
        client->figures.commands++;
        client->figures.failures[request->failure]++;
        if (client->owner) {
            client->leaving(client->owner, request);
        }
        if (request->done) {
            request->done(request);
        }
        else {
            sem_post(&request->over);
        }
    }
}

void push_client_destroy(push_client_t *client)
{
    if (!client) {
        return;
    }
    while (client->deadlines.count) {
        push_request_t *request = client->deadlines.heap[0];

        push_client_end(client, request,
                        request->line ? request->reply ? PUSH_FAILURE_REPLICAS
                                                       : PUSH_FAILURE_UNKNOWN
                                      : PUSH_FAILURE_STOPPED);
    }
    for (unsigned i = 0; i < PUSH_MASTERS * PUSH_LINES; i++) {
        push_connection_destroy(
            client->nodes[i / PUSH_LINES].lines[i % PUSH_LINES].connection);
    }
    let_leave(client);
    push_topology_destroy(client->topology);
    free(client->deadlines.heap);
    free(client);
}

/* ---- what is reported ---- */

static void report_topology(push_client_t *client)
{
    const char *why;
    push_failure_t failure = push_topology_failure(client->topology, &why);

    if (push_reported_now(&client->reported, failure)) {
        push_client_report(client, failure, NULL,
                           failure == PUSH_FAILURE_NONE ? "" : why);
    }
    if (client->version != client->slots->version) {
        client->version = client->slots->version;
        if (client->owner) {
            client->moved(client->owner, client->slots);
        }
        if (client->hooks.moved) {
            client->hooks.moved(client->hooks.data, client->slots);
        }
    }
}

static void report_calm(push_client_t *client, unsigned master, int64_t now)
{
    push_node_t *node = &client->nodes[master];

    if (node->refuses != PUSH_FAILURE_NONE
        && now - node->refused >= PUSH_CALM_MS) {
        node->refuses = PUSH_FAILURE_NONE;
        push_client_report(client, PUSH_FAILURE_NONE,
                           &client->slots->masters[master].address, "");
    }
}

/* ---- driven by poll(2) ---- */

unsigned push_client_pollfds(push_client_t *client, struct pollfd *fds)
{
    unsigned count = 0;

    fds[0] = push_topology_pollfd(client->topology);
    for (unsigned i = 0; i < client->slots->end * PUSH_LINES; i++) {
        push_line_t *line =
            &client->nodes[i / PUSH_LINES].lines[i % PUSH_LINES];

        if (line->connection && !push_connection_is_closed(line->connection)) {
            client->polled[count++] = line;
            fds[count] = push_connection_pollfd(line->connection);
        }
    }
    client->polled_count = count;
    return count + 1;
}

static bool any_away(const push_client_t *client)
{
    for (unsigned i = 0; i < client->slots->end; i++) {
        if (client->slots->masters[i].partitions
            && push_node_away(&client->nodes[i])) {
            return true;
        }
    }
    return false;
}

int64_t push_client_until(const push_client_t *client)
{
    int64_t until = push_topology_until(client->topology);
    const char *why;

    if (client->over.first
        || (client->fresh.first
            && (client->slots->known
                || push_topology_failure(client->topology, &why)
                       != PUSH_FAILURE_NONE))) {
        return 0;
    }
    for (unsigned i = 0; i < client->slots->end; i++) {
        int64_t at = push_node_until(client, i);

        until = at < until ? at : until;
    }
    for (const push_request_t *r = client->parked.first; r; r = r->next) {
        until = r->again < until ? r->again : until;
    }
    if (client->asked + ASK_MS < until && any_away(client)) {
        until = client->asked + ASK_MS;
    }
    if (client->deadlines.count
        && client->deadlines.heap[0]->deadline < until) {
        until = client->deadlines.heap[0]->deadline;
    }
    return until;
}

static void serve_lines(push_client_t *client, const struct pollfd *fds,
                        unsigned count, int64_t now)
{
    for (unsigned i = 1; i < count && i <= client->polled_count; i++) {
        push_connection_t *connection = client->polled[i - 1]->connection;

        if (connection
            && (fds[i].revents || push_connection_until(connection) <= now)) {
            push_connection_serve(connection, fds[i].revents);
        }
    }
}

void push_client_serve(push_client_t *client, const struct pollfd *fds,
                       unsigned count)
{
    int64_t now = push_redis_now();

    serve_lines(client, fds, count, now);
    push_topology_serve(client->topology, count ? fds[0].revents : 0);
    expire(client, now);
    unpark(client, now);
    route_fresh(client);
    for (unsigned i = 0; i < client->slots->end; i++) {
        push_node_serve(client, i, now);
        report_calm(client, i, now);
    }
    if (client->asked + ASK_MS <= now && any_away(client)) {
        client->asked = now;
        push_topology_renew(client->topology);
    }
    report_topology(client);
    let_leave(client);
}

/* ---- how things stand ---- */

void push_client_resolve_itself(push_client_t *client)
{
    client->resolves_itself = true;
    push_topology_resolve_itself(client->topology);
}

const push_slots_t *push_client_slots(const push_client_t *client)
{
    return client->slots;
}

bool push_client_away(const push_client_t *client, unsigned master)
{
    return master >= client->slots->end
           || push_node_away(&client->nodes[master]);
}

void push_client_renew(push_client_t *client)
{
    push_topology_renew(client->topology);
}

void push_client_figures(const push_client_t *client,
                         push_client_figures_t *figures)
{
    *figures = client->figures;
    figures->masters = 0;
    figures->away = 0;
    figures->under_way = client->deadlines.count;
    for (unsigned i = 0; i < client->slots->end; i++) {
        bool used = client->slots->masters[i].partitions != 0;

        figures->masters += used;
        figures->away += used && push_node_away(&client->nodes[i]);
    }
}
