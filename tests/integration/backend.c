#include "backend.h"

#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"
#include "keep.h"
#include "server.h"
#include "wait.h"

#define CONNECTIONS_MAX 300
#define REQUEST_MAX     65536

struct taken {
    char *head, *body;
    struct taken *next;
};

struct connection {
    int fd; /* -1: free */
    char *bytes;
    size_t used;
    bool whole; /* a request is there that was not answered */
};

struct backend_state {
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    int bell;
    int listener; /* -1: it is down */
    int port;
    bool stop, held, path;
    char *answer;
    struct taken *taken, **taken_end;
    int count;
    struct connection connections[CONNECTIONS_MAX];
};

/* ---- its thread, with the lock ---- */

static void drop(struct connection *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = -1;
    c->used = 0;
    c->whole = false;
}

static void take_request(struct backend_state *b, const char *head,
                         size_t head_len, size_t body_len)
{
    struct taken *t = calloc(1, sizeof(*t));

    t->head = strndup(head, head_len);
    t->body = strndup(head + head_len, body_len);
    *b->taken_end = t;
    b->taken_end = &t->next;
    b->count++;
}

/* The last part of the path that was asked for. */
static ssize_t send_path(const struct connection *c)
{
    const char *end = strstr(c->bytes, " HTTP/");
    const char *at = end;
    char text[300];

    while (at > c->bytes && at[-1] != '/') {
        at--;
    }
    snprintf(text, sizeof(text),
             "HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%.*s",
             (int)(end - at), (int)(end - at), at);
    return send(c->fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Answer what is whole, unless it is held. */
static void answer(struct backend_state *b, struct connection *c)
{
    const char *end, *length;
    size_t head, body;

    c->bytes[c->used] = '\0';
    end = strstr(c->bytes, "\r\n\r\n");
    if (end == NULL) {
        return;
    }
    head = (size_t)(end - c->bytes) + 4;
    length = strcasestr(c->bytes, "\r\nContent-Length: ");
    body = length != NULL && length < end ? strtoul(length + 18, NULL, 10) : 0;
    if (c->used < head + body) {
        return;
    }
    if (!c->whole) {
        take_request(b, c->bytes, head, body);
        c->whole = true;
    }
    if (!b->held) {
        ssize_t sent = b->path ? send_path(c)
                               : send(c->fd, b->answer, strlen(b->answer),
                                      MSG_NOSIGNAL);

        memmove(c->bytes, c->bytes + head + body, c->used - head - body);
        c->used -= head + body;
        c->whole = false;
        if (sent < 0) {
            drop(c);
        }
    }
}

static void receive(struct backend_state *b, struct connection *c)
{
    ssize_t got = recv(c->fd, c->bytes + c->used, REQUEST_MAX - c->used,
                       MSG_DONTWAIT);

    if (got <= 0) {
        drop(c);
        return;
    }
    c->used += (size_t)got;
    answer(b, c);
}

static void accept_one(struct backend_state *b)
{
    int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);

    for (int i = 0; fd >= 0 && i < CONNECTIONS_MAX; i++) {
        struct connection *c = &b->connections[i];

        if (c->fd < 0) {
            c->fd = fd;
            c->bytes = c->bytes ? c->bytes : malloc(REQUEST_MAX + 1);
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int fill(struct backend_state *b, struct pollfd *fds,
                struct connection **of)
{
    int count = 0;

    fds[count] = (struct pollfd){.fd = b->bell, .events = POLLIN};
    of[count++] = NULL;
    fds[count] = (struct pollfd){.fd = b->listener, .events = POLLIN};
    of[count++] = NULL;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (b->connections[i].fd >= 0) {
            fds[count] = (struct pollfd){.fd = b->connections[i].fd,
                                         .events = POLLIN};
            of[count++] = &b->connections[i];
        }
    }
    return count;
}

static void serve(struct backend_state *b, const struct pollfd *fds,
                  struct connection *const *of, int count)
{
    uint64_t rung;

    if (fds[0].revents && read(b->bell, &rung, sizeof(rung)) > 0) {
        for (int i = 0; i < CONNECTIONS_MAX; i++) {
            if (b->connections[i].fd >= 0 && b->connections[i].whole) {
                answer(b, &b->connections[i]);
            }
        }
    }
    if (fds[1].revents && b->listener == fds[1].fd) {
        accept_one(b);
    }
    for (int i = 2; i < count; i++) {
        if (fds[i].revents && of[i]->fd == fds[i].fd) {
            receive(b, of[i]);
        }
    }
}

static void *run(void *data)
{
    struct backend_state *b = data;
    struct pollfd fds[CONNECTIONS_MAX + 2];
    struct connection *of[CONNECTIONS_MAX + 2];
    int count;

    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        count = fill(b, fds, of);
        pthread_mutex_unlock(&b->lock);
        poll(fds, (nfds_t)count, -1);
        pthread_mutex_lock(&b->lock);
        serve(b, fds, of, count);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- the test's thread ---- */

static void ring(struct backend_state *b)
{
    uint64_t one = 1;

    ck_assert_int_eq(write(b->bell, &one, sizeof(one)), sizeof(one));
}

static void listen_at(struct backend_state *b)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)b->port)};
    socklen_t len = sizeof(address);
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(b->listener, 0);
    setsockopt(b->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    ck_assert_int_eq(bind(b->listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(b->listener, 128), 0);
    ck_assert_int_eq(
        getsockname(b->listener, (struct sockaddr *)&address, &len), 0);
    b->port = ntohs(address.sin_port);
}

static void release(void *object)
{
    struct backend *backend = object;
    struct backend_state *b = backend->state;

    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_mutex_unlock(&b->lock);
    ring(b);
    pthread_join(b->thread, NULL);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        drop(&b->connections[i]);
        free(b->connections[i].bytes);
    }
    while (b->taken) {
        struct taken *t = b->taken;

        b->taken = t->next;
        free(t->head);
        free(t->body);
        free(t);
    }
    if (b->listener >= 0) {
        close(b->listener);
    }
    close(b->bell);
    free(b->answer);
    free(b);
    free(backend);
}

struct backend *backend_start(void)
{
    struct backend *backend = calloc(1, sizeof(*backend));
    struct backend_state *b = calloc(1, sizeof(*b));

    pthread_mutex_init(&b->lock, NULL);
    b->bell = eventfd(0, EFD_CLOEXEC);
    b->taken_end = &b->taken;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        b->connections[i].fd = -1;
    }
    listen_at(b);
    backend->state = b;
    backend->port = b->port;
    backend_answer(backend, 204, NULL, "");
    ck_assert_int_eq(pthread_create(&b->thread, NULL, run, b), 0);
    return keep(backend, release);
}

void backend_answer(struct backend *backend, int status, const char *headers,
                    const char *body)
{
    struct backend_state *b = backend->state;
    char *text = NULL;
    char length[64] = "";

    if (status != 204 && status != 304) {
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n",
                 strlen(body));
    }
    ck_assert_int_ge(asprintf(&text, "HTTP/1.1 %d X\r\n%s%s\r\n%s", status,
                              headers ? headers : "", length, body),
                     0);
    pthread_mutex_lock(&b->lock);
    free(b->answer);
    b->answer = text;
    pthread_mutex_unlock(&b->lock);
}

void backend_answer_path(struct backend *backend)
{
    pthread_mutex_lock(&backend->state->lock);
    backend->state->path = true;
    pthread_mutex_unlock(&backend->state->lock);
}

static void set_held(struct backend *backend, bool held)
{
    pthread_mutex_lock(&backend->state->lock);
    backend->state->held = held;
    pthread_mutex_unlock(&backend->state->lock);
    ring(backend->state);
}

void backend_hold(struct backend *backend)
{
    set_held(backend, true);
}

void backend_go(struct backend *backend)
{
    set_held(backend, false);
}

void backend_down(struct backend *backend)
{
    struct backend_state *b = backend->state;

    pthread_mutex_lock(&b->lock);
    close(b->listener);
    b->listener = -1;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        drop(&b->connections[i]);
    }
    pthread_mutex_unlock(&b->lock);
    ring(b);
}

void backend_up(struct backend *backend)
{
    pthread_mutex_lock(&backend->state->lock);
    listen_at(backend->state);
    pthread_mutex_unlock(&backend->state->lock);
    ring(backend->state);
}

int backend_count(struct backend *backend)
{
    int count;

    pthread_mutex_lock(&backend->state->lock);
    count = backend->state->count;
    pthread_mutex_unlock(&backend->state->lock);
    return count;
}

static const struct taken *nth(struct backend *backend, int n)
{
    const struct taken *t;

    backend_await(backend, n + 1);
    pthread_mutex_lock(&backend->state->lock);
    t = backend->state->taken;
    for (int i = 0; i < n; i++) {
        t = t->next;
    }
    pthread_mutex_unlock(&backend->state->lock);
    return t;
}

const char *backend_head(struct backend *backend, int n)
{
    return nth(backend, n)->head;
}

const char *backend_body(struct backend *backend, int n)
{
    return nth(backend, n)->body;
}

void backend_await(struct backend *backend, int count)
{
    wait_until(backend_count(backend) >= count);
}

const char *backend_header(struct backend *backend, int n, const char *name)
{
    const char *head = backend_head(backend, n);
    const char *line = strcasestr(head, keep_printf("\r\n%s: ", name));

    if (line == NULL) {
        return NULL;
    }
    line += strlen(name) + 4;
    return keep_copy(line, strcspn(line, "\r"));
}

struct server *backend_server(const struct backend *b, const char *sections)
{
    struct server_options options = {
        .global = keep_printf("Define BACKEND http://127.0.0.1:%d\n%s",
                              b->port, sections)};

    return server_start(&options);
}

void event_tell(const struct server *s, const char *type, const char *id,
                const char *data)
{
    struct answer *a = http_do(
        s, "POST", "/push/events",
        "Content-Type: application/cloudevents+json\r\n"
        "Push-Client: test/1\r\n",
        keep_printf("{\"specversion\":\"1.0\",\"type\":\"%s\","
                    "\"source\":\"/test\",\"id\":\"%s\",\"data\":%s}",
                    type, id, data));

    ck_assert_msg(a->status == 202, "%d %s", a->status, a->body);
}
