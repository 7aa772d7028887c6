/* cutter.c - a relay that breaks connections; one thread, by poll. */
#include "cutter.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 512

/* A connection: [0] the client's side, [1] the server's. */
struct pair {
    int fd[2];
    long left; /* bytes of the answer before the cut; -1: no cut */
};

struct cutter {
    int listener, port;
    pthread_t thread;

    pthread_mutex_t lock; /* of all below */
    int backend;
    int stop, cut, frozen, cuts;
    unsigned seed;
    int max;
    int count;
    struct pair pairs[PAIRS_MAX];
};

static void forget(struct cutter *c, int i)
{
    close(c->pairs[i].fd[0]);
    close(c->pairs[i].fd[1]);
    c->pairs[i] = c->pairs[--c->count];
}

static void adopt(struct cutter *c)
{
    struct sockaddr_in to;
    int client = accept(c->listener, NULL, NULL);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pair *p = &c->pairs[c->count];

    memset(&to, 0, sizeof(to));
    to.sin_family = AF_INET;
    to.sin_port = htons((unsigned short)c->backend);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (client < 0 || server < 0 || c->backend == 0 || c->count == PAIRS_MAX
        || connect(server, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(client);
        close(server);
        return;
    }
    p->fd[0] = client;
    p->fd[1] = server;
    p->left = c->max ? rand_r(&c->seed) % c->max : -1;
    c->count++;
}

/* Pass on what one side sent; 0, or the connection is over. */
static int relay(struct cutter *c, struct pair *p, int side)
{
    char bytes[8192];
    size_t most = sizeof(bytes);
    ssize_t n;

    if (side == 1 && p->left >= 0 && (size_t)p->left < most) {
        most = (size_t)p->left + 1;
    }
    n = recv(p->fd[side], bytes, most, 0);
    if (n <= 0) {
        return -1;
    }
    if (side == 1 && p->left >= 0) {
        if (n > p->left) {
            n = p->left;
            c->cuts++;
            send(p->fd[0], bytes, (size_t)n, MSG_NOSIGNAL);
            return -1;
        }
        p->left -= n;
    }
    return send(p->fd[!side], bytes, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -1;
}

/* Look after all pairs, of which polled ones come in twos after the first. */
static void serve(struct cutter *c, struct pollfd *polled, int count)
{
    int i;

    for (i = count - 1; i >= 0; i--) {
        struct pair *p = &c->pairs[i];
        int over = 0, side;

        for (side = 0; side < 2 && !over; side++) {
            if (polled[1 + 2 * i + side].revents) {
                over = relay(c, p, side);
            }
        }
        if (over) {
            forget(c, i);
        }
    }
    if (polled[0].revents) {
        adopt(c);
    }
}

static void *run(void *ctx)
{
    static const int tick = 5; /* ms: orders are looked for so often */
    struct cutter *c = ctx;
    struct pollfd polled[1 + 2 * PAIRS_MAX];
    int count, i, stop;

    do {
        pthread_mutex_lock(&c->lock);
        if (c->cut) {
            c->cuts += c->count;
            while (c->count > 0) {
                forget(c, 0);
            }
            c->cut = 0;
        }
        count = c->count;
        polled[0].fd = c->listener;
        polled[0].events = POLLIN;
        for (i = 0; i < 2 * count; i++) {
            polled[1 + i].fd = c->frozen ? -1 : c->pairs[i / 2].fd[i % 2];
            polled[1 + i].events = POLLIN;
        }
        pthread_mutex_unlock(&c->lock);
        i = poll(polled, (nfds_t)(1 + 2 * count), tick);
        pthread_mutex_lock(&c->lock);
        if (i > 0 && !c->cut && !c->frozen) {
            serve(c, polled, count);
        }
        stop = c->stop;
        pthread_mutex_unlock(&c->lock);
    } while (!stop);
    return NULL;
}

struct cutter *cutter_start(int port)
{
    struct cutter *c = calloc(1, sizeof(*c));
    struct sockaddr_in at;
    socklen_t n = sizeof(at);

    ck_assert_ptr_nonnull(c);
    memset(&at, 0, sizeof(at));
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->backend = port;
    pthread_mutex_init(&c->lock, NULL);
    c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(c->listener, (struct sockaddr *)&at, n), 0);
    ck_assert_int_eq(listen(c->listener, 128), 0);
    ck_assert_int_eq(getsockname(c->listener, (struct sockaddr *)&at, &n), 0);
    c->port = ntohs(at.sin_port);
    ck_assert_int_eq(pthread_create(&c->thread, NULL, run, c), 0);
    return c;
}

void cutter_stop(struct cutter *c)
{
    pthread_mutex_lock(&c->lock);
    c->stop = 1;
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    while (c->count > 0) {
        forget(c, 0);
    }
    close(c->listener);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int cutter_port(const struct cutter *c)
{
    return c->port;
}

void cutter_move(struct cutter *c, int port)
{
    pthread_mutex_lock(&c->lock);
    c->backend = port;
    pthread_mutex_unlock(&c->lock);
}

void cutter_random(struct cutter *c, unsigned seed, int max)
{
    pthread_mutex_lock(&c->lock);
    c->seed = seed;
    c->max = max;
    pthread_mutex_unlock(&c->lock);
}

void cutter_cut(struct cutter *c)
{
    pthread_mutex_lock(&c->lock);
    c->cut = 1;
    pthread_mutex_unlock(&c->lock);
}

void cutter_freeze(struct cutter *c, int frozen)
{
    pthread_mutex_lock(&c->lock);
    c->frozen = frozen;
    pthread_mutex_unlock(&c->lock);
}

int cutter_cuts(struct cutter *c)
{
    int n;

    pthread_mutex_lock(&c->lock);
    n = c->cuts;
    pthread_mutex_unlock(&c->lock);
    return n;
}
