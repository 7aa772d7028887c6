#include "redis/client_internal.h"

#include <time.h>

#include "redis/backoff.h"

/* A master without partitions is let go of after so long without a command. */
#define IDLE_MS 5000

/* Who was open for less than this is not connected to again at once. */
#define STEADY_MS 1000

/* How long Redis waits for replicas (WAIT), and may take for a library. */
#define WAIT_MS 200
#define LOAD_MS 5000

/* What a tag is besides a request: the WAIT of a lot, and a FUNCTION LOAD. */
static char wait_tag, load_tag;

void push_line_init(push_line_t *line, push_client_t *client, unsigned master)
{
    *line = (push_line_t){.client = client, .master = master};
}

static push_node_t *node_of(const push_line_t *line)
{
    return &line->client->nodes[line->master];
}

static bool is_open(const push_line_t *line)
{
    return line->connection && push_connection_is_open(line->connection);
}

bool push_node_away(const push_node_t *node)
{
    return node->lines[0].away || (node->lines[1].away && node->lines[2].away);
}

/* ---- sending ---- */

static int64_t us_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool ask(push_line_t *line)
{
    push_command_t command;
    push_sending_t sending = {.command = &command};
    bool sent;

    push_command_begin(&command, 0);
    push_command_string(&command, "ASKING");
    sent = push_connection_send(line->connection, &sending);
    push_command_cleanup(&command);
    return sent;
}

static void send_request(push_line_t *line, push_request_t *request)
{
    push_sending_t sending = {.command = &request->command, .tag = request};
    int64_t left = request->deadline - push_redis_now();
    int64_t usual = line->client->settings->reply_ms;

    /* A deadline that is far off is patience that the caller asks for. */
    sending.patience_ms = left > (usual ? usual : PUSH_REQUEST_MS) ? left : 0;
    push_request_list_remove(request);
    push_reply_free(push_request_take(request));
    if ((request->asking != PUSH_NO_MASTER && !ask(line))
        || !push_connection_send(line->connection, &sending)) {
        push_client_end(line->client, request, PUSH_FAILURE_MEMORY);
        return;
    }
    request->asking = PUSH_NO_MASTER;
    request->number = sending.number;
    request->line = line;
    request->sent = us_now();
    line->used = push_redis_now();
    push_request_list_append(&line->under_way, request);
}

static void send_all(push_line_t *line, push_request_list_t *list)
{
    while (list->first) {
        send_request(line, list->first);
    }
}

static void send_lot(push_line_t *line)
{
    push_request_list_t *lot = &node_of(line)->lot;
    push_command_t command;
    push_sending_t sending = {.command = &command,
                              .patience_ms = WAIT_MS + PUSH_REQUEST_MS,
                              .tag = &wait_tag};

    line->replicas = 0;
    for (push_request_t *r = lot->first; r; r = r->next) {
        line->replicas = r->replicas > line->replicas ? r->replicas
                                                      : line->replicas;
    }
    send_all(line, lot);
    push_command_begin(&command, 0);
    push_command_string(&command, "WAIT");
    push_command_unsigned(&command, line->replicas);
    push_command_unsigned(&command, WAIT_MS);
    line->in_lot = push_connection_send(line->connection, &sending);
    push_command_cleanup(&command);
}

static void load_library(push_client_t *client, unsigned master)
{
    push_node_t *node = &client->nodes[master];
    push_command_t command;
    push_sending_t sending = {
        .command = &command, .patience_ms = LOAD_MS, .tag = &load_tag};

    if (node->loading || !is_open(&node->lines[0])) {
        return;
    }
    push_command_begin(&command, 0);
    client->hooks.library(client->hooks.data, &command);
    node->loading = push_connection_send(node->lines[0].connection, &sending);
    push_command_cleanup(&command);
}

void push_node_take(push_client_t *client, unsigned master,
                    push_request_t *request)
{
    push_node_t *node = &client->nodes[master];

    if (push_node_away(node)) {
        push_client_end(client, request, PUSH_FAILURE_AWAY);
    }
    else if (request->replicas) {
        push_request_list_append(&node->lot, request);
    }
    else {
        push_request_list_append(&node->waiting, request);
    }
}

/* ---- what the connection says ---- */

static void fail_all(push_client_t *client, push_request_list_t *list,
                     push_failure_t failure)
{
    while (list->first) {
        push_client_end(client, list->first, failure);
    }
}

static void opened(void *data)
{
    push_line_t *line = data;
    push_node_t *node = node_of(line);

    line->away = false;
    line->opened = push_redis_now();
    if (!push_node_away(node)
        && push_reported_now(&node->reported, PUSH_FAILURE_NONE)) {
        push_client_report(line->client, PUSH_FAILURE_NONE,
                           push_connection_address(line->connection), "");
    }
}

static void answered(void *data, void *tag, push_reply_t *reply)
{
    push_line_t *line = data;

    if (tag == &wait_tag) {
        line->in_lot = false;
        push_outcome_waited(line, reply);
    }
    else if (tag == &load_tag) {
        node_of(line)->loading = false;
        push_outcome_loaded(line->client, line->master, reply);
    }
    else {
        push_outcome_answered(line, tag, reply);
    }
}

static void dropped(void *data, void *tag, bool sent)
{
    push_line_t *line = data;

    if (tag == &wait_tag) {
        line->in_lot = false;
        push_outcome_lot(line, 0);
    }
    else if (tag == &load_tag) {
        node_of(line)->loading = false;
    }
    else {
        push_outcome_dropped(line, tag, sent);
    }
}

static void closed(void *data, push_failure_t failure, const char *why)
{
    push_line_t *line = data;
    push_node_t *node = node_of(line);
    int64_t now = push_redis_now();
    bool steady = line->opened && now - line->opened >= STEADY_MS;

    line->tries = steady ? 0 : line->tries + 1;
    line->again = now + (steady ? 0 : push_backoff_ms(line->tries));
    line->away = !line->opened;
    line->opened = 0;
    push_topology_renew(line->client->topology);
    if (!line->away) {
        return;
    }
    if (push_node_away(node)) {
        fail_all(line->client, &node->waiting, PUSH_FAILURE_AWAY);
        fail_all(line->client, &node->lot, PUSH_FAILURE_AWAY);
        fail_all(line->client, &node->library, PUSH_FAILURE_AWAY);
    }
    if (line->client->slots->masters[line->master].partitions
        && push_reported_now(&node->reported, failure)) {
        push_client_report(line->client, failure,
                           push_connection_address(line->connection), why);
    }
}

/* ---- opening and closing, as the map says ---- */

static void create(push_line_t *line)
{
    const push_connection_options_t options = {
        .settings = line->client->settings,
        .address = line->client->slots->masters[line->master].address,
        .resolves_itself = line->client->resolves_itself,
        .hooks = {line, opened, answered, NULL, dropped, closed}};

    line->connection = push_connection_create(&options);
    line->tries = 0;
    line->again = 0;
    line->away = false;
}

static void discard(push_line_t *line, const char *why)
{
    if (line->connection) {
        push_connection_close(line->connection, PUSH_FAILURE_AWAY, why);
        push_connection_destroy(line->connection);
        line->connection = NULL;
        line->away = false;
    }
}

static void keep_open(push_line_t *line, int64_t now)
{
    if (!line->connection) {
        create(line);
    }
    if (line->connection && push_connection_is_closed(line->connection)
        && line->again <= now) {
        push_connection_open(line->connection);
        push_connection_serve(line->connection, 0);
    }
}

/* Nothing is for it, nor will be soon. */
static bool is_idle(const push_client_t *client, unsigned master, int64_t now)
{
    const push_node_t *node = &client->nodes[master];

    return !client->slots->masters[master].partitions && !node->waiting.first
           && !node->lot.first && !node->library.first
           && !node->lines[0].under_way.first
           && !node->lines[1].under_way.first
           && !node->lines[2].under_way.first
           && now - node->lines[0].used > IDLE_MS;
}

static bool is_another(const push_client_t *client, unsigned master)
{
    const push_connection_t *connection =
        client->nodes[master].lines[0].connection;

    return connection
           && !push_address_same(push_connection_address(connection),
                                 &client->slots->masters[master].address);
}

/* One that is away is tried although no lot waits: none does where both are. */
static bool is_wanted(const push_node_t *node, unsigned which)
{
    return node->lot.first
           || (node->lines[which].away && is_open(&node->lines[0]));
}

static void serve_lots(push_node_t *node, int64_t now)
{
    for (unsigned i = 1; i < PUSH_LINES; i++) {
        push_line_t *line = &node->lines[i];

        if (is_wanted(node, i)) {
            keep_open(line, now);
        }
        if (node->lot.first && is_open(line) && !line->in_lot) {
            send_lot(line);
        }
    }
}

void push_node_serve(push_client_t *client, unsigned master, int64_t now)
{
    push_node_t *node = &client->nodes[master];
    bool idle = is_idle(client, master, now);

    if (idle || is_another(client, master)) {
        for (unsigned i = 0; i < PUSH_LINES; i++) {
            discard(&node->lines[i], "it is no master any more");
        }
    }
    if (idle) {
        if (push_reported_now(&node->reported, PUSH_FAILURE_NONE)) {
            push_client_report(client, PUSH_FAILURE_NONE,
                               &client->slots->masters[master].address,
                               "it is no master any more");
        }
        return;
    }
    keep_open(&node->lines[0], now);
    if (is_open(&node->lines[0])) {
        send_all(&node->lines[0], &node->waiting);
        if (node->library.first) {
            load_library(client, master);
        }
    }
    serve_lots(node, now);
    for (unsigned i = 0; i < PUSH_LINES; i++) {
        if (node->lines[i].connection) {
            push_connection_flush(node->lines[i].connection);
        }
    }
}

int64_t push_node_until(const push_client_t *client, unsigned master)
{
    const push_node_t *node = &client->nodes[master];
    int64_t until = INT64_MAX;

    for (unsigned i = 0; i < PUSH_LINES; i++) {
        const push_line_t *line = &node->lines[i];
        bool wanted = i == 0 ? client->slots->masters[master].partitions
                                   || node->waiting.first
                             : is_wanted(node, i);
        int64_t at = INT64_MAX;

        if (line->connection && !push_connection_is_closed(line->connection)) {
            at = push_connection_until(line->connection);
        }
        else if (wanted) {
            at = line->again;
        }
        until = at < until ? at : until;
    }
    return until;
}
