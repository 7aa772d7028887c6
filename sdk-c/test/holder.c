/* holder.c - a proxy that holds answers back; a thread a connection. */
#include "holder.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define ANSWER_MAX      ((size_t)1 << 20)

struct holder {
    int listener, port, backend, heads;
    int stop_pipe[2]; /* readable once the proxy stops */
    pthread_t acceptor;
    pthread_t threads[CONNECTIONS_MAX];
    int count; /* the acceptor only */
};

struct connection {
    struct holder *holder;
    int fd[2]; /* [0] the client's side, [1] the server's */
    size_t held, passed;
    char answer[ANSWER_MAX + 1];
};

/* ---- one connection ---- */

/* The length of the head, 0 while it is not there. */
static size_t head_of(struct connection *c)
{
    char *end;

    c->answer[c->held] = '\0';
    end = strstr(c->answer, "\r\n\r\n");
    return end ? (size_t)(end + 4 - c->answer) : 0;
}

/* Whether the answer is complete; one without a length ends with its
 * connection. */
static int is_whole(struct connection *c, size_t head)
{
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");

    if (head == 0) {
        return 0;
    }
    if (strncmp(c->answer + 8, " 204", 4) == 0) {
        return 1;
    }
    return length && length < c->answer + head
           && c->held >= head + (size_t)atol(length + 17);
}

static int pass(struct connection *c, size_t until)
{
    size_t n = until - c->passed;

    if (send(c->fd[0], c->answer + c->passed, n, MSG_NOSIGNAL) != (ssize_t)n) {
        return -1;
    }
    c->passed = until;
    return 0;
}

/* Take what the server sent; 0, or the connection is over. */
static int hold(struct connection *c)
{
    ssize_t n = recv(c->fd[1], c->answer + c->held, ANSWER_MAX - c->held, 0);
    size_t head;

    if (n <= 0) {
        pass(c, c->held);
        return -1;
    }
    c->held += (size_t)n;
    head = head_of(c);
    if (is_whole(c, head)) {
        int failed = pass(c, c->held);

        c->held = 0;
        c->passed = 0;
        return failed;
    }
    return c->holder->heads && head > c->passed ? pass(c, head) : 0;
}

static int forward(struct connection *c)
{
    char bytes[8192];
    ssize_t n = recv(c->fd[0], bytes, sizeof(bytes), 0);

    return n > 0 && send(c->fd[1], bytes, (size_t)n, MSG_NOSIGNAL) == n ? 0
                                                                        : -1;
}

static void *serve(void *ctx)
{
    struct connection *c = ctx;
    int over = 0;

    while (!over) {
        struct pollfd p[3] = {{c->fd[0], POLLIN, 0},
                              {c->fd[1], POLLIN, 0},
                              {c->holder->stop_pipe[0], POLLIN, 0}};

        poll(p, 3, -1);
        over = p[2].revents || (p[0].revents && forward(c) != 0)
               || (p[1].revents && hold(c) != 0);
    }
    close(c->fd[0]);
    close(c->fd[1]);
    free(c);
    return NULL;
}

/* ---- the proxy ---- */

static struct sockaddr_in address_of(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET};

    to.sin_port = htons((unsigned short)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to;
}

static void adopt(struct holder *h, int client)
{
    struct sockaddr_in to = address_of(h->backend);
    struct connection *c = calloc(1, sizeof(*c));

    ck_assert_ptr_nonnull(c);
    ck_assert_int_lt(h->count, CONNECTIONS_MAX);
    c->holder = h;
    c->fd[0] = client;
    c->fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(c->fd[1], (struct sockaddr *)&to, sizeof(to)), 0);
    ck_assert_int_eq(pthread_create(&h->threads[h->count++], NULL, serve, c),
                     0);
}

static void *accept_all(void *ctx)
{
    struct holder *h = ctx;
    struct pollfd p[2] = {{h->listener, POLLIN, 0},
                          {h->stop_pipe[0], POLLIN, 0}};

    while (poll(p, 2, -1) > 0 && !p[1].revents) {
        int client = accept(h->listener, NULL, NULL);

        if (client >= 0) {
            adopt(h, client);
        }
    }
    return NULL;
}

struct holder *holder_start(int port, int heads)
{
    struct holder *h = calloc(1, sizeof(*h));
    struct sockaddr_in own = address_of(0);
    socklen_t n = sizeof(own);

    ck_assert_ptr_nonnull(h);
    h->backend = port;
    h->heads = heads;
    h->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(h->listener, (struct sockaddr *)&own, n), 0);
    ck_assert_int_eq(listen(h->listener, 64), 0);
    getsockname(h->listener, (struct sockaddr *)&own, &n);
    h->port = ntohs(own.sin_port);
    ck_assert_int_eq(pipe(h->stop_pipe), 0);
    ck_assert_int_eq(pthread_create(&h->acceptor, NULL, accept_all, h), 0);
    return h;
}

void holder_stop(struct holder *h)
{
    int i;

    ck_assert_int_eq((int)write(h->stop_pipe[1], "x", 1), 1);
    pthread_join(h->acceptor, NULL);
    for (i = 0; i < h->count; i++) {
        pthread_join(h->threads[i], NULL);
    }
    close(h->listener);
    close(h->stop_pipe[0]);
    close(h->stop_pipe[1]);
    free(h);
}

int holder_port(const struct holder *h)
{
    return h->port;
}
