/*
 * timingbench: whether the time of an answer tells two requests apart.
 *
 *   timingbench PORT COUNT < PAIRS
 *
 * A pair is three lines: a name, and two requests, each the method, the
 * target and header lines, with a tab between them.  Sends each request COUNT
 * times on one connection, the two in random turns, and prints for each pair
 *
 *   NAME<tab>STATUS<tab>STATUS<tab>MEDIAN_US<tab>MEDIAN_US<tab>Z<tab>P
 *
 * with Z and P as in pushbench_rank.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reply.h"
#include "pushbench_net.h"
#include "pushbench_rank.h"

#define WARM_UP   200 /* rounds that are not counted */
#define COUNT_MAX 1000000
#define LINE_ROOM 8192

struct request {
    char text[2 * LINE_ROOM];
    size_t len;
    int status;      /* of its last answer */
    uint64_t *times; /* ns */
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int connect_to(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a))) {
        die("connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

/* ---- one request ---- */

/* The body's end in what was read; false: there is more to come. */
static bool take_body(struct reply_body *body, const char *at, size_t len)
{
    while (len && !body->done) {
        struct reply_slice slice;
        size_t used = reply_body_feed(body, at, len, &slice);

        if (!used || body->broken) {
            die("an answer that makes no sense");
        }
        at += used;
        len -= used;
    }
    return body->done;
}

/* Its status. */
static int read_answer(int fd)
{
    char bytes[16384];
    struct reply_head head;
    struct reply_body body;
    bool done = false;

    reply_head_init(&head);
    while (!done) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        ptrdiff_t used = 0;

        if (got <= 0) {
            die("recv");
        }
        if (!head.done) {
            used = reply_head_feed(&head, bytes, (size_t)got);
            if (used < 0) {
                die("no answer");
            }
            reply_body_init(&body, &head);
        }
        done = head.done
               && (body.done || head.status == 204
                   || take_body(&body, bytes + used, (size_t)(got - used)));
    }
    return head.status;
}

static uint64_t ask(int fd, struct request *request)
{
    uint64_t begun = pb_now();

    if (send(fd, request->text, request->len, MSG_NOSIGNAL)
        != (ssize_t)request->len) {
        die("send");
    }
    request->status = read_answer(fd);
    return pb_now() - begun;
}

/* ---- pairs ---- */

static bool read_line(char *line)
{
    if (!fgets(line, LINE_ROOM, stdin)) {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    return true;
}

static void read_request(struct request *request)
{
    char line[LINE_ROOM];
    const char *method, *target, *header;

    if (!read_line(line)) {
        die("a pair is cut short");
    }
    method = strtok(line, "\t");
    target = strtok(NULL, "\t");
    request->len = (size_t)snprintf(
        request->text, sizeof(request->text),
        "%s %s HTTP/1.1\r\nHost: localhost\r\n%s", method, target,
        strcmp(method, "GET") ? "Content-Length: 0\r\n" : "");
    for (header = strtok(NULL, "\t"); header; header = strtok(NULL, "\t")) {
        request->len += (size_t)snprintf(request->text + request->len,
                                         sizeof(request->text) - request->len,
                                         "%s\r\n", header);
    }
    request->len += (size_t)snprintf(request->text + request->len,
                                     sizeof(request->text) - request->len,
                                     "\r\n");
}

static void measure(int port, struct request *pair, size_t count)
{
    int fd = connect_to(port);

    for (size_t i = 0; i < WARM_UP + count; i++) {
        int first = rand() & 1;

        for (int j = 0; j < 2; j++) {
            struct request *request = &pair[first ^ j];
            uint64_t took = ask(fd, request);

            if (i >= WARM_UP) {
                request->times[i - WARM_UP] = took;
            }
        }
    }
    close(fd);
}

static void print(const char *name, const struct request *pair, size_t count)
{
    struct pb_ranks ranks = pb_rank(pair[0].times, pair[1].times, count);

    printf("%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.3f\n", name, pair[0].status,
           pair[1].status, (double)ranks.medians[0] / 1e3,
           (double)ranks.medians[1] / 1e3, ranks.z, ranks.p);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct request pair[2];
    int port = argc == 3 ? atoi(argv[1]) : 0;
    long count = argc == 3 ? atol(argv[2]) : 0;
    char name[LINE_ROOM];

    if (port < 1 || count < 1 || count > COUNT_MAX) {
        fprintf(stderr, "usage: timingbench PORT COUNT < PAIRS (COUNT 1 to "
                        "1000000)\n");
        return 2;
    }
    srand((unsigned)pb_now());
    for (int i = 0; i < 2; i++) {
        pair[i].times = calloc((size_t)count, sizeof(uint64_t));
        if (!pair[i].times) {
            die("calloc");
        }
    }
    while (read_line(name)) {
        read_request(&pair[0]);
        read_request(&pair[1]);
        measure(port, pair, (size_t)count);
        print(name, pair, (size_t)count);
    }
    free(pair[0].times);
    free(pair[1].times);
    return 0;
}
