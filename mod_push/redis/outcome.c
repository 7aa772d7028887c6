#include "redis/client_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "redis/backoff.h"

static bool begins(push_text_t text, const char *with)
{
    size_t len = strlen(with);

    return text.len >= len && !memcmp(text.at, with, len);
}

static void keep_reply(push_request_t *request, push_reply_t *reply)
{
    push_reply_free(push_request_take(request));
    request->reply = reply;
}

/* Its first time is free, then it waits longer and longer. */
static void try_again(push_client_t *client, push_request_t *request,
                      bool at_once)
{
    request->tries++;
    client->figures.again++;
    push_client_park(client, request,
                     at_once ? 0 : push_backoff_ms(request->tries));
}

static void follow(push_line_t *line, push_request_t *request,
                   const push_redirect_t *redirect)
{
    push_client_t *client = line->client;
    push_address_t address = redirect->address;
    unsigned master;

    if (!address.host[0]) {
        address = client->slots->masters[line->master].address;
        address.port = redirect->address.port;
    }
    master = push_slots_master(client->slots, &address);
    if (master == PUSH_NO_MASTER) {
        try_again(client, request, false);
        return;
    }
    if (redirect->ask) {
        request->asking = master;
    }
    else {
        push_slots_move(client->slots, redirect->slot, master);
        push_topology_renew(client->topology);
    }
    try_again(client, request, request->tries < 2);
}

static void not_run(push_line_t *line, push_request_t *request)
{
    push_text_t text = push_reply_text(request->reply);
    bool pinned = request->master >= 0;
    push_redirect_t redirect;

    if (!pinned && push_redirect_parse(&redirect, text)) {
        follow(line, request, &redirect);
        return;
    }
    if (!begins(text, "TRYAGAIN") && !begins(text, "LOADING")) {
        push_topology_renew(line->client->topology);
    }
    if (pinned) {
        push_client_end(line->client, request, PUSH_FAILURE_AGAIN);
    }
    else {
        try_again(line->client, request, false);
    }
}

/* Once, when a master begins to refuse; client.c says when it is over. */
static void note_refusal(push_line_t *line, push_text_t text,
                         push_failure_t failure)
{
    push_client_t *client = line->client;
    push_node_t *node = &client->nodes[line->master];
    char room[PUSH_REDIS_WHY];

    if (failure < PUSH_FAILURE_LIBRARY || failure > PUSH_FAILURE_SETUP) {
        return;
    }
    node->refused = push_redis_now();
    if (node->refuses == failure) {
        return;
    }
    node->refuses = failure;
    snprintf(room, sizeof(room), "%.*s", (int)text.len, text.at);
    push_client_report(client, failure,
                       &client->slots->masters[line->master].address, room);
}

static void needs_library(push_line_t *line, push_request_t *request)
{
    push_client_t *client = line->client;
    push_node_t *node = &client->nodes[line->master];

    if (!client->hooks.library || request->loaded) {
        note_refusal(line, push_reply_text(request->reply),
                     PUSH_FAILURE_LIBRARY);
        push_client_end(client, request, PUSH_FAILURE_LIBRARY);
        return;
    }
    request->loaded = true;
    client->figures.again++;
    request->line = NULL;
    push_request_list_remove(request);
    push_request_list_append(&node->library, request); /* which loads it */
}

static void count_reply(push_line_t *line, const push_request_t *request)
{
    push_client_figures_t *figures = &line->client->figures;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    figures->replies++;
    figures->round_trip_us += (uint64_t)((int64_t)now.tv_sec * 1000000
                                         + now.tv_nsec / 1000 - request->sent);
}

void push_outcome_answered(push_line_t *line, push_request_t *request,
                           push_reply_t *reply)
{
    push_failure_t failure = PUSH_FAILURE_NONE;

    count_reply(line, request);
    keep_reply(request, reply);
    request->answered = line->master;
    if (push_reply_kind(reply) == PUSH_REPLY_ERROR) {
        failure = push_failure_of(push_reply_text(reply));
    }
    if (failure == PUSH_FAILURE_NONE && line->lots) {
        /* The WAIT behind it decides. */
        return;
    }
    if (failure == PUSH_FAILURE_AGAIN) {
        not_run(line, request);
    }
    else if (failure == PUSH_FAILURE_LIBRARY) {
        needs_library(line, request);
    }
    else {
        note_refusal(line, push_reply_text(request->reply), failure);
        push_client_end(line->client, request, failure);
    }
}

void push_outcome_dropped(push_line_t *line, push_request_t *request,
                          bool sent)
{
    if (sent) {
        push_client_end(line->client, request, PUSH_FAILURE_UNKNOWN);
    }
    else {
        try_again(line->client, request, true);
    }
}

void push_outcome_lot(push_line_t *line, unsigned replicated)
{
    push_request_t *next;

    for (push_request_t *r = line->under_way.first; r; r = next) {
        next = r->next;
        if (r->reply) {
            r->replicated = replicated;
            push_client_end(line->client, r,
                            replicated < r->replicas ? PUSH_FAILURE_REPLICAS
                                                     : PUSH_FAILURE_NONE);
        }
    }
}

void push_outcome_waited(push_line_t *line, push_reply_t *reply)
{
    int64_t replicated = push_reply_integer(reply);
    push_text_t text = push_reply_text(reply);

    if (push_reply_kind(reply) == PUSH_REPLY_ERROR) {
        note_refusal(line, text, push_failure_of(text));
    }
    push_reply_free(reply);
    push_outcome_lot(line, replicated > 0 ? (unsigned)replicated : 0);
}

void push_outcome_loaded(push_client_t *client, unsigned master,
                         push_reply_t *reply)
{
    push_node_t *node = &client->nodes[master];
    push_text_t text = push_reply_text(reply);
    bool refused = push_reply_kind(reply) == PUSH_REPLY_ERROR
                   && !memmem(text.at, text.len, "already exists", 14);

    if (refused) {
        char room[PUSH_REDIS_WHY];

        snprintf(room, sizeof(room), "the library was refused: %.*s",
                 (int)text.len, text.at);
        push_client_report(client, PUSH_FAILURE_LIBRARY,
                           &client->slots->masters[master].address, room);
    }
    while (node->library.first) {
        push_request_t *request = push_request_list_take(&node->library);

        if (!refused) {
            push_client_park(client, request, 0);
        }
        else if (push_failure_of(text) == PUSH_FAILURE_AGAIN
                 && request->master < 0) {
            request->loaded = false;
            push_topology_renew(client->topology);
            try_again(client, request, false);
        }
        else {
            push_client_end(client, request, PUSH_FAILURE_LIBRARY);
        }
    }
    push_reply_free(reply);
}

/* What is known of a request whose deadline has come. */
static push_failure_t so_far(const push_client_t *client,
                             const push_request_t *request)
{
    if (request->line) {
        return request->reply ? PUSH_FAILURE_REPLICAS : PUSH_FAILURE_UNKNOWN;
    }
    if (request->in == &client->parked && request->reply) {
        return PUSH_FAILURE_AGAIN;
    }
    return request->loaded ? PUSH_FAILURE_LIBRARY : PUSH_FAILURE_AWAY;
}

void push_outcome_late(push_client_t *client, push_request_t *request)
{
    push_failure_t failure = so_far(client, request);

    if (request->line) {
        push_connection_forget(request->line->connection, request->number);
    }
    push_client_end(client, request, failure);
}
