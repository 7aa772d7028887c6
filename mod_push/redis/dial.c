#include "redis/dial.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static bool fail(push_dial_t *dial,
                                                       push_failure_t failure,
                                                       const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(dial->why, sizeof(dial->why), format, args);
    va_end(args);
    dial->failure = failure;
    dial->state = PUSH_DIAL_FAILED;
    return false;
}

/* ---- state by state; true: the next one may begin at once ---- */

static bool try_endpoint(push_dial_t *dial, int error)
{
    const push_resolved_t *resolved = &dial->resolved;

    push_socket_close(&dial->socket);
    while (dial->left) {
        dial->left--;
        if (push_socket_open(
                &dial->socket,
                &resolved->endpoints[dial->tries++ % resolved->count])) {
            dial->state = PUSH_DIAL_CONNECTING;
            return false;
        }
        error = errno;
    }
    return fail(dial, PUSH_FAILURE_AWAY, "cannot connect: %s",
                strerror(error));
}

static bool resolved(push_dial_t *dial)
{
    if (!dial->resolved.count) {
        return fail(dial, PUSH_FAILURE_AWAY, "%s", dial->resolved.why);
    }
    dial->left = dial->resolved.count;
    return try_endpoint(dial, ENOENT);
}

static bool resolving(push_dial_t *dial)
{
    if (!push_resolver_done(dial->resolver, &dial->resolved)) {
        return false;
    }
    push_resolver_release(dial->resolver);
    dial->resolver = NULL;
    return resolved(dial);
}

static bool begin_resolving(push_dial_t *dial)
{
    if (push_resolve_literal(&dial->address, &dial->resolved)) {
        return resolved(dial);
    }
    if (dial->resolves_itself) {
        push_resolve(&dial->address, &dial->resolved);
        return resolved(dial);
    }
    if (!dial->resolver) {
        dial->resolver = push_resolver_start(&dial->address);
    }
    if (!dial->resolver) {
        return fail(dial, PUSH_FAILURE_AWAY,
                    "no thread to resolve the name: %s", strerror(errno));
    }
    return resolving(dial);
}

static bool ready(push_dial_t *dial)
{
    dial->state = PUSH_DIAL_READY;
    return false;
}

static bool securing(push_dial_t *dial)
{
    char why[PUSH_REDIS_WHY];
    int status = push_socket_handshake(&dial->socket, why);

    if (status == PUSH_SOCKET_NO_TLS) {
        return fail(dial, PUSH_FAILURE_SETUP,
                    "this port does not speak TLS: use %s",
                    push_redis_scheme(&dial->settings->urls[0], false));
    }
    if (status == PUSH_SOCKET_LOST) {
        return fail(dial, PUSH_FAILURE_SETUP, "%s", why);
    }
    return status == 1 && ready(dial);
}

static bool connecting(push_dial_t *dial)
{
    const push_redis_settings_t *settings = dial->settings;

    if (!push_socket_connected(&dial->socket)) {
        return try_endpoint(dial, errno);
    }
    if (!settings->urls[0].tls) {
        return ready(dial);
    }
    if (!settings->tls) {
        return fail(dial, PUSH_FAILURE_SETUP, "TLS is not set up");
    }
    dial->state = PUSH_DIAL_SECURING;
    return push_socket_secure(&dial->socket, settings->tls, dial->address.host)
           || fail(dial, PUSH_FAILURE_AWAY, "no memory for TLS");
}

/* ---- an attempt ---- */

void push_dial_begin(push_dial_t *dial)
{
    dial->state = PUSH_DIAL_RESOLVING;
}

static bool advance(push_dial_t *dial, short events)
{
    switch (dial->state) {
    case PUSH_DIAL_RESOLVING:
        return dial->resolver ? resolving(dial) : begin_resolving(dial);
    case PUSH_DIAL_CONNECTING:
        return events && connecting(dial);
    case PUSH_DIAL_SECURING:
        return securing(dial);
    default:
        return false;
    }
}

push_dial_state_t push_dial_serve(push_dial_t *dial, short events)
{
    while (advance(dial, events)) {
        events = 0;
    }
    return dial->state;
}

struct pollfd push_dial_pollfd(const push_dial_t *dial)
{
    struct pollfd pollfd = {.fd = dial->socket.fd, .events = POLLIN};

    if (dial->state == PUSH_DIAL_RESOLVING) {
        pollfd.fd = dial->resolver ? push_resolver_fd(dial->resolver) : -1;
    }
    else if (dial->state == PUSH_DIAL_CONNECTING) {
        pollfd.events = POLLOUT;
    }
    else if (dial->socket.reads_when_writable) {
        pollfd.events |= POLLOUT;
    }
    return pollfd;
}

bool push_dial_is_due(const push_dial_t *dial)
{
    return dial->state == PUSH_DIAL_RESOLVING && !dial->resolver;
}

void push_dial_late(const push_dial_t *dial, char why[PUSH_REDIS_WHY])
{
    if (dial->state == PUSH_DIAL_SECURING) {
        snprintf(why, PUSH_REDIS_WHY,
                 "it did not answer in time to the beginning of TLS: if this "
                 "port does not speak TLS, use %s",
                 push_redis_scheme(&dial->settings->urls[0], false));
        return;
    }
    snprintf(why, PUSH_REDIS_WHY, "%s",
             dial->state == PUSH_DIAL_RESOLVING
                 ? "the name was not resolved in time"
                 : "it did not answer in time");
}

void push_dial_hang_up(push_dial_t *dial)
{
    push_socket_close(&dial->socket);
    dial->state = PUSH_DIAL_IDLE;
}

void push_dial_cleanup(push_dial_t *dial)
{
    push_dial_hang_up(dial);
    if (dial->resolver) {
        push_resolver_release(dial->resolver);
        dial->resolver = NULL;
    }
}
