#include "simulation/cluster/wire_part.h"

#include <stdlib.h>
#include <string.h>

#include "harness/needs.h"

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
    cs_wire_renew(&client->slots);
    cs_wire.clients[client->node] = client;
    return client;
}

void push_client_destroy(push_client_t *client)
{
    free(client);
}

void push_client_send(push_client_t *client, push_request_t *request)
{
    cs_wire_send(client->node, client, request);
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
        cs_flight_t *flight = client->done;

        client->done = flight->next;
        client->done_end = client->done ? client->done_end : &client->done;
        if (flight->failure == PUSH_FAILURE_AGAIN
            || flight->failure == PUSH_FAILURE_AWAY
            || flight->failure == PUSH_FAILURE_UNKNOWN) {
            cs_wire_renew(
                &client->slots); /* it was sent elsewhere, or nowhere */
        }
        flight->request->done(flight->request);
        flight->request = NULL;
        cs_wire_free(flight);
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

/* There are no names. */
void push_client_resolve_itself(push_client_t *client)
{
    (void)client;
}

void push_client_renew(push_client_t *client)
{
    cs_wire_renew(&client->slots);
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
    cs_wire.wakes[wakes->node] = wakes;
    return wakes;
}

void push_wakes_destroy(push_wakes_t *wakes)
{
    cs_wire.wakes[wakes->node] = NULL;
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
