/* scripted.c - an HTTP server that does what a test says. */
#include "scripted.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define NOTES_MAX       16384

struct scripted {
    scripted_fn script;
    void *ctx;
    struct sockaddr_in address;
    char url[64];
    pthread_t acceptor;
    int stop_pipe[2]; /* readable once the server stops */

    pthread_mutex_t lock; /* of all below */
    int listener;         /* -1: refusing */
    int holder;           /* keeps the port while refusing; -1: none */
    int listening;        /* a thread accepts */
    unsigned receives, acks, count;
    int connections;
    pthread_t threads[CONNECTIONS_MAX];
    char *targets[NOTES_MAX];
};

struct connection {
    struct scripted *server;
    int fd;
    int number;
};

uint64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void pause_briefly(void)
{
    struct timespec ts = {0, 2000000};

    nanosleep(&ts, NULL);
}

/* ---- reading a request ---- */

/* Wait for bytes; 0 when the server stops or the time is over. */
static int wait_readable(struct scripted *s, int fd, int ms)
{
    struct pollfd p[2] = {{fd, POLLIN, 0}, {s->stop_pipe[0], POLLIN, 0}};

    return poll(p, 2, ms) > 0 && !p[1].revents;
}

long scripted_read(struct scripted_request *r, void *bytes, size_t size)
{
    if (!wait_readable(r->server, r->fd, -1)) {
        return -1;
    }
    return recv(r->fd, bytes, size, 0);
}

static int read_head(struct scripted_request *r)
{
    size_t n = 0;

    while (n < sizeof(r->head) - 1) {
        if (scripted_read(r, r->head + n, 1) != 1) {
            return -1;
        }
        n++;
        if (n >= 4 && memcmp(r->head + n - 4, "\r\n\r\n", 4) == 0) {
            r->head[n] = '\0';
            return sscanf(r->head, "%15s %4095s", r->method, r->target) == 2
                       ? 0
                       : -1;
        }
    }
    return -1;
}

static int read_request(struct scripted_request *r)
{
    char length[32];
    size_t want;

    if (read_head(r) != 0) {
        return -1;
    }
    scripted_header(r, "Content-Length", length, sizeof(length));
    want = (size_t)atol(length);
    while (r->body_length < want && want < sizeof(r->body)) {
        long n = scripted_read(r, r->body + r->body_length,
                               want - r->body_length);

        if (n <= 0) {
            return -1;
        }
        r->body_length += (size_t)n;
    }
    r->body[r->body_length] = '\0';
    return 0;
}

static void note(struct scripted_request *r)
{
    struct scripted *s = r->server;

    pthread_mutex_lock(&s->lock);
    if (s->count < NOTES_MAX) {
        s->targets[s->count] = strdup(r->target);
    }
    r->number = ++s->count;
    r->receives = s->receives += strstr(r->target, "/receive") != NULL;
    r->acks = s->acks += strstr(r->target, "/ack?") != NULL;
    pthread_mutex_unlock(&s->lock);
}

/* ---- threads ---- */

static void *serve(void *ctx)
{
    struct connection *c = ctx;
    struct scripted_request *r = malloc(sizeof(*r));
    int again = r != NULL;

    while (again) {
        memset(r, 0, sizeof(*r));
        r->server = c->server;
        r->fd = c->fd;
        r->connection = c->number;
        if (read_request(r) != 0) {
            break;
        }
        note(r);
        again = c->server->script(c->server->ctx, r);
    }
    free(r);
    shutdown(c->fd, SHUT_RDWR);
    close(c->fd);
    free(c);
    return NULL;
}

static void adopt(struct scripted *s, int fd)
{
    struct connection *c = malloc(sizeof(*c));
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    pthread_mutex_lock(&s->lock);
    if (!c || s->connections == CONNECTIONS_MAX) {
        close(fd);
        free(c);
    }
    else {
        c->server = s;
        c->fd = fd;
        c->number = s->connections + 1;
        if (pthread_create(&s->threads[s->connections], NULL, serve, c) == 0) {
            s->connections++;
        }
        else {
            close(fd);
            free(c);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

static void *accept_all(void *ctx)
{
    struct scripted *s = ctx;
    int fd = s->listener;

    for (;;) {
        int peer;

        if (!wait_readable(s, fd, -1)) {
            return NULL;
        }
        peer = accept(fd, NULL, NULL);
        if (peer < 0) {
            return NULL;
        }
        adopt(s, peer);
    }
}

/* A socket that is bound to the server's port, or to any one at first. */
static int bound_socket(const struct scripted *s)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    ck_assert_int_eq(
        bind(fd, (const struct sockaddr *)&s->address, sizeof(s->address)), 0);
    return fd;
}

void scripted_accept(struct scripted *s)
{
    socklen_t n = sizeof(s->address);

    s->listener = bound_socket(s);
    ck_assert_int_eq(listen(s->listener, 1024), 0);
    if (s->holder >= 0) {
        close(s->holder);
        s->holder = -1;
    }
    ck_assert_int_eq(
        getsockname(s->listener, (struct sockaddr *)&s->address, &n), 0);
    s->listening = 1;
    ck_assert_int_eq(pthread_create(&s->acceptor, NULL, accept_all, s), 0);
}

void scripted_refuse(struct scripted *s)
{
    if (s->listening) {
        shutdown(s->listener, SHUT_RDWR);
        pthread_join(s->acceptor, NULL);
        close(s->listener);
        s->holder = bound_socket(s);
        s->listening = 0;
    }
}

struct scripted *scripted_start(scripted_fn script, void *ctx)
{
    struct scripted *s = calloc(1, sizeof(*s));

    ck_assert_ptr_nonnull(s);
    s->script = script;
    s->ctx = ctx;
    s->holder = -1;
    pthread_mutex_init(&s->lock, NULL);
    ck_assert_int_eq(pipe(s->stop_pipe), 0);
    s->address.sin_family = AF_INET;
    s->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    scripted_accept(s);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d",
             ntohs(s->address.sin_port));
    return s;
}

void scripted_stop(struct scripted *s)
{
    unsigned i;

    ck_assert_int_eq((int)write(s->stop_pipe[1], "x", 1), 1);
    scripted_refuse(s);
    for (i = 0; i < (unsigned)s->connections; i++) {
        pthread_join(s->threads[i], NULL);
    }
    for (i = 0; i < s->count && i < NOTES_MAX; i++) {
        free(s->targets[i]);
    }
    close(s->stop_pipe[0]);
    close(s->stop_pipe[1]);
    close(s->holder);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *scripted_url(const struct scripted *s)
{
    return s->url;
}

unsigned scripted_count(struct scripted *s, const char *part)
{
    unsigned found = 0, i;

    pthread_mutex_lock(&s->lock);
    for (i = 0; i < s->count && i < NOTES_MAX; i++) {
        found += strstr(s->targets[i], part) != NULL;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

void scripted_wait(struct scripted *s, const char *part, unsigned n)
{
    uint64_t end = now_ms() + 30000;

    while (scripted_count(s, part) < n) {
        ck_assert_msg(now_ms() < end, "%u of %u requests to %s",
                      scripted_count(s, part), n, part);
        pause_briefly();
    }
}

/* ---- within a script ---- */

void scripted_header(const struct scripted_request *r, const char *name,
                     char *out, size_t size)
{
    size_t n = strlen(name);
    const char *line = strstr(r->head, "\r\n");

    out[0] = '\0';
    for (; line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            const char *value = line + n + 1 + (line[n + 1] == ' ');

            snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
            return;
        }
    }
}

void scripted_query(const struct scripted_request *r, const char *name,
                    char *out, size_t size)
{
    const char *p = strchr(r->target, '?');
    size_t n = strlen(name);

    out[0] = '\0';
    while (p) {
        p++;
        if (strncmp(p, name, n) == 0 && p[n] == '=') {
            p += n + 1;
            snprintf(out, size, "%.*s", (int)strcspn(p, "&"), p);
            return;
        }
        p = strchr(p, '&');
    }
}

int scripted_write(struct scripted_request *r, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n > 0) {
        ssize_t sent = send(r->fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EAGAIN) {
            struct pollfd p[2] = {{r->fd, POLLOUT, 0},
                                  {r->server->stop_pipe[0], POLLIN, 0}};

            if (poll(p, 2, -1) <= 0 || p[1].revents) {
                return -1;
            }
            continue;
        }
        if (sent < 0) {
            return -1;
        }
        at += sent;
        n -= (size_t)sent;
    }
    return 0;
}

int scripted_say(struct scripted_request *r, const char *format, ...)
{
    char text[8192];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return scripted_write(r, text, (size_t)n);
}

int scripted_answer(struct scripted_request *r, int status,
                    const char *headers, const char *body)
{
    scripted_say(r, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n%s", status,
                 headers, strlen(body), body);
    return 1;
}

int scripted_stream(struct scripted_request *r)
{
    return scripted_say(
        r, "HTTP/1.1 200 OK\r\n"
           "Content-Type: text/event-stream; charset=utf-8\r\n"
           "Cache-Control: no-store\r\nConnection: close\r\n\r\n");
}

int scripted_hold(struct scripted_request *r, int ms)
{
    uint64_t end = ms < 0 ? UINT64_MAX : now_ms() + (uint64_t)ms;
    char byte;

    for (;;) {
        uint64_t now = now_ms();

        if (now >= end
            || !wait_readable(r->server, r->fd,
                              ms < 0 ? -1 : (int)(end - now))) {
            return 0;
        }
        if (recv(r->fd, &byte, 1, 0) <= 0) {
            return 1;
        }
    }
}
