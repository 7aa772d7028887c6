/*
 * durablebench: what it costs to have messages on disk.
 *
 *   durablebench sync FILE SECONDS             one write and fsync after the other
 *   durablebench publish PORT CLIENTS SECONDS  POSTs, each client waits for its
 *                                              answer before the next one
 *
 * Prints `count=N seconds=S median_us=M`.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 1024
#define TIMES_MAX   65536

/* One client, one thread. */
struct client {
    int port;
    int index;
    double until;
    long count;
    long accepted;
    float times[TIMES_MAX]; /* us, of its first operations */
};

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void note(struct client *c, double begun)
{
    if (c->count < TIMES_MAX) {
        c->times[c->count] = (float)((now() - begun) * 1e6);
    }
    c->count++;
}

/* ---- the disk alone ---- */

static void sync_file(struct client *c, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    char block[4096];

    memset(block, 'x', sizeof(block));
    if (fd < 0) {
        die(path);
    }
    while (now() < c->until) {
        double begun = now();

        if (write(fd, block, sizeof(block)) != sizeof(block) || fsync(fd)) {
            die(path);
        }
        note(c, begun);
    }
    close(fd);
    unlink(path);
}

/* ---- publishers ---- */

static int connect_to(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
        die("connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

/* Reads one short answer; true if it was 201. */
static int accepted(int fd)
{
    char answer[4096];
    size_t used = 0;

    for (;;) {
        ssize_t got = recv(fd, answer + used, sizeof(answer) - 1 - used, 0);
        const char *body;

        if (got <= 0) {
            die("recv");
        }
        used += (size_t)got;
        answer[used] = '\0';
        body = strstr(answer, "\r\n\r\n");
        if (body && strchr(body + 4, '\n')) {
            return strncmp(answer, "HTTP/1.1 201", 12) == 0;
        }
    }
}

static void *publish(void *data)
{
    struct client *c = data;
    int fd = connect_to(c->port);
    char request[512];
    size_t length = (size_t)snprintf(
        request, sizeof(request),
        "POST /push/messages?user=u%d HTTP/1.1\r\nHost: localhost\r\nTTL: "
        "10\r\n"
        "Content-Length: 128\r\n\r\n%0128d",
        c->index, 0);

    while (now() < c->until) {
        double begun = now();

        if (send(fd, request, length, MSG_NOSIGNAL) != (ssize_t)length) {
            die("send");
        }
        c->accepted += accepted(fd);
        note(c, begun);
    }
    close(fd);
    return NULL;
}

/* ---- figures ---- */

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

static void print(const struct client *clients, int count, double seconds)
{
    float *all = malloc((size_t)count * TIMES_MAX * sizeof(*all));
    size_t used = 0;
    long total = 0;

    if (!all) {
        die("malloc");
    }
    for (int i = 0; i < count; i++) {
        size_t some = clients[i].count < TIMES_MAX ? (size_t)clients[i].count
                                                   : TIMES_MAX;

        memcpy(all + used, clients[i].times, some * sizeof(*all));
        used += some;
        total += clients[i].count;
    }
    qsort(all, used, sizeof(*all), by_size);
    printf("count=%ld seconds=%.2f median_us=%.0f\n", total, seconds,
           used ? (double)all[used / 2] : 0.0);
    free(all);
}

static void publish_all(struct client *clients, int count)
{
    pthread_t threads[CLIENTS_MAX];

    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, publish, &clients[i])) {
            die("pthread_create");
        }
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        if (clients[i].accepted != clients[i].count) {
            fprintf(stderr, "durablebench: %ld of %ld were refused\n",
                    clients[i].count - clients[i].accepted, clients[i].count);
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    int sync_only = argc == 4 && !strcmp(argv[1], "sync");
    int count = sync_only ? 1 : argc == 5 ? atoi(argv[3]) : 0;
    double seconds = argc >= 4 ? atof(argv[argc - 1]) : 0;
    struct client *clients;
    double begun = now();

    if (count < 1 || count > CLIENTS_MAX || seconds <= 0
        || (!sync_only && strcmp(argv[1], "publish"))) {
        fprintf(stderr, "usage: durablebench sync FILE SECONDS\n"
                        "       durablebench publish PORT CLIENTS SECONDS "
                        "(1 to 1024 clients)\n");
        return 2;
    }
    clients = calloc((size_t)count, sizeof(*clients));
    if (!clients) {
        die("calloc");
    }
    for (int i = 0; i < count; i++) {
        clients[i].port = sync_only ? 0 : atoi(argv[2]);
        clients[i].index = i;
        clients[i].until = begun + seconds;
    }
    if (sync_only) {
        sync_file(clients, argv[2]);
    }
    else {
        publish_all(clients, count);
    }
    print(clients, count, now() - begun);
    free(clients);
    return 0;
}
