#include "h2.h"

#include <check.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "dial.h"
#include "keep.h"
#include "wait.h"

struct h2 {
    int fd; /* -1 once closed */
    SSL_CTX *context;
    SSL *ssl; /* NULL: in clear */
    nghttp2_session *session;
};

/* ---- the connection ---- */

static int connect_to(int port, int receive_buffer)
{
    static const struct timeval limit = {.tv_sec = WAIT_MS / 1000};
    int fd = dial(port, receive_buffer);

    ck_assert_msg(fd >= 0, "connect: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static void start_tls(struct h2 *c)
{
    static const unsigned char offer[] = "\x02h2";
    const unsigned char *chosen = NULL;
    unsigned length = 0;

    c->context = SSL_CTX_new(TLS_client_method());
    c->ssl = SSL_new(c->context);
    SSL_set_alpn_protos(c->ssl, offer, 3);
    SSL_set_fd(c->ssl, c->fd);
    ck_assert_int_eq(SSL_connect(c->ssl), 1);
    SSL_get0_alpn_selected(c->ssl, &chosen, &length);
    ck_assert_msg(length == 2 && memcmp(chosen, "h2", 2) == 0,
                  "the server does not speak HTTP/2");
}

static ssize_t write_some(const struct h2 *c, const uint8_t *bytes,
                          size_t count)
{
    return c->ssl != NULL ? SSL_write(c->ssl, bytes, (int)count)
                          : send(c->fd, bytes, count, MSG_NOSIGNAL);
}

static ssize_t read_some(const struct h2 *c, uint8_t *bytes, size_t room)
{
    return c->ssl != NULL ? SSL_read(c->ssl, bytes, (int)room)
                          : recv(c->fd, bytes, room, 0);
}

void h2_close(struct h2 *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
}

/* ---- what nghttp2 calls ---- */

static void append(char **text, size_t used, const void *bytes, size_t count)
{
    *text = realloc(*text, used + count + 1);
    ck_assert_ptr_nonnull(*text);
    memcpy(*text + used, bytes, count);
    (*text)[used + count] = '\0';
}

static int h2_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                        const uint8_t *name, size_t name_length,
                        const uint8_t *value, size_t value_length,
                        uint8_t flags, void *data)
{
    struct exchange *x = nghttp2_session_get_stream_user_data(
        session, frame->hd.stream_id);

    (void)flags;
    (void)data;
    if (x != NULL && name_length == 7 && memcmp(name, ":status", 7) == 0) {
        x->status = atoi((const char *)value);
    }
    else if (x != NULL) {
        append(&x->head, strlen(x->head), name, name_length);
        append(&x->head, strlen(x->head), ": ", 2);
        append(&x->head, strlen(x->head), value, value_length);
        append(&x->head, strlen(x->head), "\n", 1);
    }
    return 0;
}

static int h2_on_data(nghttp2_session *session, uint8_t flags, int32_t id,
                      const uint8_t *bytes, size_t count, void *data)
{
    struct exchange *x = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    (void)data;
    nghttp2_session_consume_connection(session, count);
    if (x != NULL) {
        append(&x->body, x->length, bytes, count);
        x->length += count;
        if (x->paused) {
            x->withheld += count;
        }
        else {
            nghttp2_session_consume_stream(session, id, count);
        }
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error,
                    void *data)
{
    struct exchange *x = nghttp2_session_get_stream_user_data(session, id);

    (void)data;
    if (x != NULL) {
        x->ended = true;
        x->whole = error == NGHTTP2_NO_ERROR;
    }
    return 0;
}

static ssize_t h2_give_body(nghttp2_session *session, int32_t id,
                            uint8_t *bytes, size_t room, uint32_t *flags,
                            nghttp2_data_source *source, void *data)
{
    struct exchange *x = source->ptr;
    size_t left = strlen(x->upload);
    size_t count = left < room ? left : room;

    (void)session;
    (void)id;
    (void)data;
    if (count == 0 && !x->upload_end) {
        return NGHTTP2_ERR_DEFERRED;
    }
    memcpy(bytes, x->upload, count);
    memmove(x->upload, x->upload + count, left - count + 1);
    if (x->upload_end && count == left) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)count;
}

/* ---- opening ---- */

static void release(void *object)
{
    struct h2 *c = object;

    nghttp2_session_del(c->session);
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    h2_close(c);
    free(c);
}

static void start_session(struct h2 *c)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                              h2_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                           on_close);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_client_new2(&c->session, callbacks, c, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

static struct h2 *open_connection(int port, bool tls, int receive_buffer)
{
    struct h2 *c = keep(calloc(1, sizeof(*c)), release);

    c->fd = connect_to(port, receive_buffer);
    if (tls) {
        start_tls(c);
    }
    start_session(c);
    return c;
}

struct h2 *h2_open(int port, bool tls)
{
    return open_connection(port, tls, 0);
}

struct h2 *h2_open_narrow(int port)
{
    return open_connection(port, false, 4096);
}

/* ---- turning ---- */

static void send_pending(struct h2 *c)
{
    const uint8_t *bytes;
    ssize_t count = nghttp2_session_mem_send(c->session, &bytes);

    while (count > 0) {
        while (count > 0 && c->fd >= 0) {
            ssize_t sent = write_some(c, bytes, (size_t)count);

            if (sent <= 0) {
                h2_close(c);
                return;
            }
            bytes += sent;
            count -= sent;
        }
        count = nghttp2_session_mem_send(c->session, &bytes);
    }
    ck_assert_int_eq(count, 0);
}

static bool can_read(const struct h2 *c, int milliseconds)
{
    struct pollfd wait = {.fd = c->fd, .events = POLLIN};

    return (c->ssl != NULL && SSL_pending(c->ssl) > 0)
           || poll(&wait, 1, milliseconds) > 0;
}

void h2_turn(struct h2 *c, int milliseconds)
{
    uint8_t bytes[16384];

    if (c->fd < 0) {
        return;
    }
    send_pending(c);
    while (c->fd >= 0 && can_read(c, milliseconds)) {
        ssize_t got = read_some(c, bytes, sizeof(bytes));

        if (got <= 0) {
            h2_close(c);
            return;
        }
        ck_assert_int_eq(
            nghttp2_session_mem_recv(c->session, bytes, (size_t)got), got);
        send_pending(c);
        milliseconds = 0;
    }
}

/* ---- requests ---- */

static void release_exchange(void *object)
{
    struct exchange *x = object;

    free(x->head);
    free(x->body);
    free(x->upload);
    free(x);
}

static void add_field(nghttp2_nv *fields, size_t *count, const char *name,
                      const char *value)
{
    fields[*count] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                                  .value = (uint8_t *)(uintptr_t)value,
                                  .namelen = strlen(name),
                                  .valuelen = strlen(value)};
    (*count)++;
}

struct exchange *h2_ask(struct h2 *c, const struct h2_request *q)
{
    struct exchange *x = keep(calloc(1, sizeof(*x)), release_exchange);
    nghttp2_data_provider body = {.source.ptr = x,
                                  .read_callback = h2_give_body};
    nghttp2_nv fields[8];
    size_t count = 0, i;

    x->connection = c;
    x->head = strdup("");
    x->body = strdup("");
    x->upload = strdup(q->body != NULL ? q->body : "");
    add_field(fields, &count, ":method",
              q->method != NULL ? q->method : "GET");
    add_field(fields, &count, ":scheme", c->ssl != NULL ? "https" : "http");
    add_field(fields, &count, ":authority", "localhost");
    add_field(fields, &count, ":path", q->target);
    for (i = 0; i < 3 && q->headers[i][0] != NULL; i++) {
        add_field(fields, &count, q->headers[i][0], q->headers[i][1]);
    }
    x->id = nghttp2_submit_request(c->session, NULL, fields, count,
                                   q->body != NULL ? &body : NULL, x);
    ck_assert_int_gt(x->id, 0);
    h2_turn(c, 0);
    return x;
}

struct exchange *h2_get(struct h2 *c, const char *target)
{
    struct h2_request q = {.target = target};

    return h2_ask(c, &q);
}

static bool is_over(const struct exchange *x)
{
    return x->ended || x->connection->fd < 0;
}

const char *h2_await(struct exchange *x, const char *text)
{
    int64_t deadline = wait_now() + WAIT_MS;

    while (strstr(x->body, text) == NULL) {
        ck_assert_msg(wait_now() < deadline && !is_over(x),
                      "no %.80s; status %d, %s: %.500s", text, x->status,
                      is_over(x) ? "ended" : "open", x->body);
        h2_turn(x->connection, 100);
    }
    return strstr(x->body, text);
}

void h2_expect(struct exchange *x, int status)
{
    int64_t deadline = wait_now() + WAIT_MS;

    while (!is_over(x)) {
        ck_assert_msg(wait_now() < deadline, "no end; status %d: %.500s",
                      x->status, x->body);
        h2_turn(x->connection, 100);
    }
    ck_assert_msg(x->whole && x->status == status,
                  "%s, status %d not %d: %.500s",
                  x->whole ? "whole" : "cut off", x->status, status, x->body);
}

void h2_feed(struct exchange *x, const char *text)
{
    if (text != NULL) {
        append(&x->upload, strlen(x->upload), text, strlen(text));
    }
    else {
        x->upload_end = true;
    }
    nghttp2_session_resume_data(x->connection->session, x->id);
    h2_turn(x->connection, 0);
}

void h2_pause(struct exchange *x, bool pause)
{
    x->paused = pause;
    if (!pause) {
        nghttp2_session_consume_stream(x->connection->session, x->id,
                                       x->withheld);
        x->withheld = 0;
    }
}

void h2_reset(struct exchange *x)
{
    nghttp2_submit_rst_stream(x->connection->session, NGHTTP2_FLAG_NONE, x->id,
                              NGHTTP2_CANCEL);
    h2_turn(x->connection, 0);
}

const char *h2_header(const struct exchange *x, const char *name)
{
    size_t length = strlen(name);
    const char *line = x->head;

    while (*line != '\0') {
        const char *end = strchr(line, '\n');

        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            return keep_copy(line + length + 2,
                             (size_t)(end - line) - length - 2);
        }
        line = end + 1;
    }
    return NULL;
}
