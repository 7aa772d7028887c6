#include "redis/connection.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/buffer.h"
#include "redis/decoder.h"
#include "redis/dial.h"
#include "redis/encode.h"
#include "redis/inflight.h"
#include "redis/request.h"

/*
 * A connection goes through the states below in their order, and from any of
 * them back to CLOSED.  Each state has one function, which is called when the
 * descriptor is ready; it says whether the next one may begin at once.
 *
 * What may have reached Redis is told from what has not by counting bytes: a
 * command was sent if any byte of it was ever given to the socket (`offered`).
 * TLS may have written part of a record of which it says that it was not
 * taken, so a try counts there as if all had gone.
 */

#define READ_SIZE  65536u
#define WRITE_MOST 16384u /* what one call offers TLS: one record */
#define DEFAULT_MS 1000

typedef enum { CLOSED, DIALLING, GREETING, OPEN } state_t;

struct push_connection_t {
    push_connection_options_t options;
    state_t state;
    push_dial_t dial; /* has the socket */
    int64_t give_up;  /* while it is not open */
    push_decoder_t *decoder;
    push_buffer_t out;
    uint64_t written; /* bytes taken by the socket since it was opened */
    uint64_t offered;
    push_inflight_t inflight;
    bool broken; /* a write failed; the next serve closes */
};

/* Tags of the greeting's own commands. */
static char greeting_auth, greeting_ping;

push_connection_t *push_connection_create(
    const push_connection_options_t *options)
{
    push_connection_t *connection = calloc(1, sizeof(*connection));

    if (connection) {
        connection->options = *options;
        connection->dial = (push_dial_t){
            .settings = options->settings,
            .address = options->address,
            .resolves_itself = options->resolves_itself,
            .socket.fd = -1};
    }
    return connection;
}

static void let_go(push_connection_t *connection)
{
    push_dial_hang_up(&connection->dial);
    push_decoder_destroy(connection->decoder);
    connection->decoder = NULL;
    push_buffer_cleanup(&connection->out);
    connection->written = 0;
    connection->offered = 0;
    connection->broken = false;
    connection->state = CLOSED;
}

void push_connection_destroy(push_connection_t *connection)
{
    if (!connection) {
        return;
    }
    let_go(connection);
    push_dial_cleanup(&connection->dial);
    free(connection->inflight.ring);
    free(connection);
}

const push_address_t *push_connection_address(
    const push_connection_t *connection)
{
    return &connection->options.address;
}

bool push_connection_is_open(const push_connection_t *connection)
{
    return connection->state == OPEN && !connection->broken;
}

bool push_connection_is_closed(const push_connection_t *connection)
{
    return connection->state == CLOSED;
}

unsigned push_connection_under_way(const push_connection_t *connection)
{
    return push_inflight_count(&connection->inflight);
}

/* ---- the end ---- */

static bool is_own(const void *tag)
{
    return tag == &greeting_auth || tag == &greeting_ping;
}

void push_connection_close(push_connection_t *connection,
                           push_failure_t failure, const char *why)
{
    push_inflight_t *inflight = &connection->inflight;
    const push_connection_hooks_t *hooks = &connection->options.hooks;
    uint64_t offered = connection->offered;
    uint64_t end = inflight->to;

    if (connection->state == CLOSED) {
        return;
    }
    let_go(connection);
    while (inflight->from < end) {
        push_inflight_command_t command = push_inflight_take(inflight);

        if (command.tag && !is_own(command.tag)) {
            hooks->dropped(hooks->data, command.tag, command.begins < offered);
        }
    }
    hooks->closed(hooks->data, failure, why);
}

__attribute__((format(printf, 3, 4))) static bool end(
    push_connection_t *connection, push_failure_t failure, const char *format,
    ...)
{
    char why[PUSH_REDIS_WHY];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    push_connection_close(connection, failure, why);
    return false;
}

/* ---- sending ---- */

static int64_t reply_ms(const push_connection_t *connection)
{
    uint32_t ms = connection->options.settings->reply_ms;

    return ms ? ms : DEFAULT_MS;
}

static bool queue(push_connection_t *connection, push_sending_t *sending)
{
    push_inflight_t *inflight = &connection->inflight;
    push_buffer_t *out = &connection->out;
    uint64_t begins = connection->written + push_buffer_len(out);

    if (!push_inflight_reserve(inflight)
        || !push_command_encode(sending->command, out)) {
        return false;
    }
    sending->number = inflight->to++;
    *push_inflight_at(inflight, sending->number) = (push_inflight_command_t){
        .tag = sending->tag,
        .begins = begins,
        .sent = push_redis_now(),
        .patience = sending->patience_ms ? sending->patience_ms
                                         : reply_ms(connection)};
    return true;
}

bool push_connection_send(push_connection_t *connection,
                          push_sending_t *sending)
{
    return push_connection_is_open(connection) && queue(connection, sending);
}

void push_connection_forget(push_connection_t *connection, uint64_t number)
{
    push_inflight_command_t *command = push_inflight_at(&connection->inflight,
                                                        number);

    if (command) {
        command->tag = NULL;
    }
}

void push_connection_flush(push_connection_t *connection)
{
    push_buffer_t *out = &connection->out;
    ssize_t put = 1;

    while (connection->state >= GREETING && put > 0 && push_buffer_len(out)) {
        size_t len = push_buffer_len(out);

        if (connection->dial.socket.ssl && len > WRITE_MOST) {
            len = WRITE_MOST;
        }
        if (connection->dial.socket.ssl
            && connection->offered < connection->written + len) {
            connection->offered = connection->written + len;
        }
        put = push_socket_write(&connection->dial.socket,
                                out->bytes + out->from, len);
        if (put > 0) {
            connection->written += (uint64_t)put;
            push_buffer_take(out, (size_t)put);
        }
        if (connection->offered < connection->written) {
            connection->offered = connection->written;
        }
    }
    connection->broken |= put == PUSH_SOCKET_LOST;
}

/* ---- opening ---- */

static bool ask(push_connection_t *connection, const char *const *words,
                void *tag)
{
    push_command_t command;
    push_sending_t sending = {.command = &command, .tag = tag};
    bool well;

    push_command_begin(&command, 0);
    for (; *words; words++) {
        push_command_string(&command, *words);
    }
    well = queue(connection, &sending);
    push_command_cleanup(&command);
    return well;
}

/* What the sentinels have of their own they must accept. */
static bool has_own_login(const push_connection_t *connection)
{
    return connection->options.sentinel
           && connection->options.settings->urls[0].sentinel_password[0];
}

static bool greet(push_connection_t *connection)
{
    const push_redis_url_t *url = &connection->options.settings->urls[0];
    bool own = has_own_login(connection);
    const char *user = own ? url->sentinel_user : url->user;
    const char *password = own ? url->sentinel_password : url->password;
    const char *auth[] = {"AUTH", user, password, NULL};
    const char *auth_default[] = {"AUTH", password, NULL};
    const char *ping[] = {"PING", NULL};

    connection->state = GREETING;
    connection->decoder = push_decoder_create();
    if (!connection->decoder
        || (password[0]
            && !ask(connection, user[0] ? auth : auth_default, &greeting_auth))
        || !ask(connection, ping, &greeting_ping)) {
        return end(connection, PUSH_FAILURE_AWAY, "no memory");
    }
    push_connection_flush(connection);
    return true;
}

static bool dialling(push_connection_t *connection, short events)
{
    push_dial_t *dial = &connection->dial;

    switch (push_dial_serve(dial, events)) {
    case PUSH_DIAL_READY:
        return greet(connection);
    case PUSH_DIAL_FAILED:
        return end(connection, dial->failure, "%s", dial->why);
    default:
        return false;
    }
}

void push_connection_open(push_connection_t *connection)
{
    uint32_t ms = connection->options.settings->connect_ms;

    if (connection->state == CLOSED) {
        connection->state = DIALLING;
        push_dial_begin(&connection->dial);
        connection->give_up = push_redis_now() + (ms ? ms : DEFAULT_MS);
    }
}

/* ---- replies ---- */

/* Those of the servers were not enough. */
static const char *hint(const push_connection_t *connection, push_text_t error)
{
    bool wanted = error.len >= 6 && !memcmp(error.at, "NOAUTH", 6);

    return wanted && connection->options.sentinel && !has_own_login(connection)
               ? " (of a sentinel's own password: "
                 "/NAME?sentinel=USER:PASSWORD)"
               : "";
}

/* What a reply to AUTH or PING says when it is an error. */
static void greeted(push_connection_t *connection, const void *tag,
                    push_reply_t *reply)
{
    const push_connection_hooks_t *hooks = &connection->options.hooks;
    push_text_t text = push_reply_text(reply);
    bool refused = push_reply_kind(reply) == PUSH_REPLY_ERROR;
    push_failure_t failure = push_failure_of(text);

    if (refused && tag == &greeting_auth && failure == PUSH_FAILURE_ERROR) {
        failure = PUSH_FAILURE_SETUP;
    }
    if (refused
        && !(tag == &greeting_auth && connection->options.sentinel
             && !has_own_login(connection))) {
        end(connection,
            failure == PUSH_FAILURE_ERROR ? PUSH_FAILURE_AWAY : failure,
            "%.*s%s", (int)text.len, text.at, hint(connection, text));
    }
    else if (tag == &greeting_ping) {
        connection->state = OPEN;
        hooks->opened(hooks->data);
    }
    push_reply_free(reply);
}

static bool is_unasked(const push_connection_t *connection,
                       const push_reply_t *reply)
{
    static const char *const kinds[] = {"smessage", "sunsubscribe"};
    push_text_t kind = push_reply_text(push_reply_at(reply, 0));

    for (size_t i = 0; connection->options.hooks.unasked && i < 2; i++) {
        if (kind.len == strlen(kinds[i])
            && !memcmp(kind.at, kinds[i], kind.len)) {
            return true;
        }
    }
    return false;
}

static void take_reply(push_connection_t *connection, push_reply_t *reply)
{
    const push_connection_hooks_t *hooks = &connection->options.hooks;
    push_inflight_t *inflight = &connection->inflight;
    push_text_t text = push_reply_text(reply);
    void *tag;

    if (is_unasked(connection, reply)) {
        hooks->unasked(hooks->data, reply);
        return;
    }
    if (!push_inflight_count(inflight)) {
        end(connection, PUSH_FAILURE_AWAY,
            "a reply that nobody asked for: %.*s", (int)text.len, text.at);
        push_reply_free(reply);
        return;
    }
    tag = push_inflight_take(inflight).tag;
    if (is_own(tag)) {
        greeted(connection, tag, reply);
    }
    else if (tag) {
        hooks->answered(hooks->data, tag, reply);
    }
    else {
        push_reply_free(reply);
    }
}

/* What a port with TLS says to what is none (RFC 8446, section 5.1). */
static bool is_alert(const push_connection_t *connection, const char *bytes,
                     size_t len)
{
    return connection->state == GREETING && !connection->dial.socket.ssl
           && len > 1 && bytes[0] == 21 && bytes[1] == 3;
}

static bool decode(push_connection_t *connection, const char *bytes,
                   size_t len)
{
    push_decoded_t decoded = PUSH_DECODED_REPLY;
    push_reply_t *reply;

    if (!push_decoder_feed(connection->decoder, bytes, len)) {
        decoded = PUSH_DECODED_BROKEN;
    }
    while (connection->state >= GREETING && decoded == PUSH_DECODED_REPLY) {
        decoded = push_decoder_next(connection->decoder, &reply);
        if (decoded == PUSH_DECODED_REPLY) {
            take_reply(connection, reply);
        }
    }
    if (connection->state >= GREETING && decoded == PUSH_DECODED_BROKEN) {
        return is_alert(connection, bytes, len)
                   ? end(connection, PUSH_FAILURE_SETUP,
                         "this port speaks TLS: use %s",
                         push_redis_scheme(
                             &connection->options.settings->urls[0], true))
                   : end(connection, PUSH_FAILURE_AWAY,
                         "what comes is not Redis' protocol");
    }
    return connection->state >= GREETING;
}

static void lost(push_connection_t *connection)
{
    const push_connection_options_t *options = &connection->options;
    const char *reason = push_socket_reason(&connection->dial.socket);
    bool greets = connection->state == GREETING;
    bool secured = connection->dial.socket.ssl != NULL;

    if (greets && !secured && options->address.port) {
        end(connection, PUSH_FAILURE_AWAY,
            "the connection was lost before it was open: if this port speaks "
            "TLS, use %s",
            push_redis_scheme(&options->settings->urls[0], true));
        return;
    }
    /* TLS 1.3 refuses a client's certificate only here. */
    end(connection, greets && secured ? PUSH_FAILURE_SETUP : PUSH_FAILURE_AWAY,
        "the connection was lost%s%s%s", greets ? " before it was open" : "",
        *reason ? ": " : "", reason);
}

static void receive(push_connection_t *connection)
{
    ssize_t got;

    do {
        char bytes[READ_SIZE];

        got = push_socket_read(&connection->dial.socket, bytes, sizeof(bytes));
        if (got > 0 && !decode(connection, bytes, (size_t)got)) {
            return;
        }
    } while (got > 0);
    if (got != PUSH_SOCKET_AGAIN) {
        lost(connection);
    }
}

/* ---- driven by poll(2) ---- */

struct pollfd push_connection_pollfd(const push_connection_t *connection)
{
    const push_socket_t *socket = &connection->dial.socket;
    struct pollfd pollfd = {.fd = socket->fd, .events = POLLIN};

    if (connection->state == DIALLING) {
        return push_dial_pollfd(&connection->dial);
    }
    if (socket->reads_when_writable
        || (push_buffer_len(&connection->out)
            && !socket->writes_when_readable)) {
        pollfd.events |= POLLOUT;
    }
    return pollfd;
}

/* When the oldest reply is late. */
static int64_t late(const push_connection_t *connection)
{
    const push_inflight_t *inflight = &connection->inflight;
    const push_inflight_command_t *oldest;

    if (!push_inflight_count(inflight)) {
        return INT64_MAX;
    }
    oldest = push_inflight_at(inflight, inflight->from);
    return oldest->sent + oldest->patience;
}

int64_t push_connection_until(const push_connection_t *connection)
{
    if (connection->broken
        || (connection->state == DIALLING
            && push_dial_is_due(&connection->dial))) {
        return 0;
    }
    switch (connection->state) {
    case CLOSED:
        return INT64_MAX;
    case OPEN:
        return late(connection);
    default:
        return connection->give_up;
    }
}

static bool advance(push_connection_t *connection, short events)
{
    switch (connection->state) {
    case DIALLING:
        return dialling(connection, events);
    case GREETING:
    case OPEN:
        if (events & (POLLIN | POLLHUP | POLLERR)
            || (events & POLLOUT
                && connection->dial.socket.reads_when_writable)) {
            receive(connection);
        }
        return false;
    default:
        return false;
    }
}

static void check_time(push_connection_t *connection)
{
    int64_t now = push_redis_now();
    char why[PUSH_REDIS_WHY];

    if (connection->state == OPEN && late(connection) <= now) {
        end(connection, PUSH_FAILURE_AWAY, "no reply in time");
    }
    else if (connection->state != CLOSED && connection->state != OPEN
             && connection->give_up <= now) {
        push_dial_late(&connection->dial, why);
        end(connection, PUSH_FAILURE_AWAY, "%s", why);
    }
}

void push_connection_serve(push_connection_t *connection, short events)
{
    while (advance(connection, events)) {
        events = 0;
    }
    push_connection_flush(connection);
    if (connection->broken) {
        /* What Redis said before it closed is worth more than EPIPE. */
        receive(connection);
        end(connection, PUSH_FAILURE_AWAY, "the connection was lost");
    }
    check_time(connection);
}
