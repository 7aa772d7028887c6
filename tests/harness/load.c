#include "load.h"

#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "dial.h"
#include "keep.h"
#include "reply.h"
#include "wait.h"

#define PUBLISHERS_MAX 16

struct load {
    const struct server *server;
    struct load_options options;
    pid_t pids[PUBLISHERS_MAX];
    _Atomic int *accepted; /* shared with the publishers */
};

/* ---- in a publisher: it must not touch what the test keeps ---- */

struct publisher {
    const struct load *load;
    int index;
    int fd;
    FILE *log;
    struct reply_head head; /* of the answer that is being read */
    struct reply_body body;
    char answer[1024]; /* what of its body there is room for */
    size_t used;
};

/* Takes of an answer what came last; false where more is to come. */
static bool take_answer(struct publisher *p, const char *at, size_t length)
{
    struct reply_slice slice;
    ptrdiff_t used = 0;

    if (!p->head.done) {
        used = reply_head_feed(&p->head, at, length);
        if (used < 0 || !p->head.done) {
            return false;
        }
        reply_body_init(&p->body, &p->head);
    }
    reply_body_feed(&p->body, at + used, length - (size_t)used, &slice);
    if (slice.len < sizeof(p->answer) - p->used) {
        memcpy(p->answer + p->used, slice.at, slice.len);
        p->used += slice.len;
    }
    return p->body.done;
}

/* One answer with its body; false where the server is gone. */
static bool read_answer(struct publisher *p)
{
    char bytes[4096];
    ssize_t n;

    reply_head_init(&p->head);
    memset(p->answer, 0, sizeof(p->answer));
    p->used = 0;
    do {
        n = recv(p->fd, bytes, sizeof(bytes), 0);
    } while (n > 0 && !take_answer(p, bytes, (size_t)n));
    return n > 0;
}

static void note_accepted(struct publisher *p, const char *to, const char *key)
{
    const char *id = strstr(p->answer, "\"id\":\"");

    if (id == NULL || p->head.status != 201) {
        return;
    }
    fprintf(p->log,
            "{\"t\":%lld,\"what\":\"accepted\",\"mid\":\"%.11s\","
            "\"key\":\"%s\",%s}\n",
            (long long)wait_now(), id + 6, key, to);
    fflush(p->log);
    atomic_fetch_add(p->load->accepted, 1);
}

static bool publish_one(struct publisher *p, int number)
{
    int user = (p->index + number + p->load->options.seed)
               % p->load->options.users;
    bool channel = number % 5 == 4;
    char request[512], key[32], to[64], query[32];
    int length;

    snprintf(key, sizeof(key), "k%d-%d", p->index, number);
    snprintf(to, sizeof(to),
             channel ? "\"channel\":\"c\"" : "\"user\":\"u%d\"", user);
    snprintf(query, sizeof(query), channel ? "channel=c" : "user=u%d", user);
    fprintf(p->log, "{\"t\":%lld,\"what\":\"tried\",\"key\":\"%s\",%s}\n",
            (long long)wait_now(), key, to);
    fflush(p->log);
    length = snprintf(request, sizeof(request),
                      "POST /push/messages?%s HTTP/1.1\r\nHost: localhost\r\n"
                      "Idempotency-Key: %s\r\nContent-Length: %zu\r\n\r\n%s",
                      query, key, strlen(key), key);
    if (send(p->fd, request, (size_t)length, MSG_NOSIGNAL) != length
        || !read_answer(p)) {
        return false;
    }
    note_accepted(p, to, key);
    return true;
}

static void publish_until_the_end(struct publisher *p)
{
    int number = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    p->fd = dial(p->load->server->port, 0);
    if (p->log == NULL || p->fd < 0) {
        _exit(1);
    }
    while (publish_one(p, number)) {
        int64_t next = wait_now() + p->load->options.pause;

        while (wait_now() < next) {
            usleep(1000);
        }
        number++;
    }
    _exit(0);
}

/* ---- in the test ---- */

static char *log_name(const struct load *load, int index)
{
    return keep_printf("%s/logs/publisher.%d", load->server->root, index);
}

struct load *load_start(const struct server *s,
                        const struct load_options *options)
{
    struct load *load = keep(calloc(1, sizeof(*load)), free);

    ck_assert_int_le(options->publishers, PUBLISHERS_MAX);
    load->server = s;
    load->options = *options;
    load->accepted = mmap(NULL, sizeof(*load->accepted),
                          PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                          -1, 0);
    ck_assert_ptr_ne(load->accepted, MAP_FAILED);
    for (int i = 0; i < options->publishers; i++) {
        struct publisher p = {
            .load = load, .index = i, .log = fopen(log_name(load, i), "w")};

        fflush(NULL);
        load->pids[i] = fork();
        ck_assert_int_ge(load->pids[i], 0);
        if (load->pids[i] == 0) {
            publish_until_the_end(&p);
        }
        fclose(p.log);
    }
    return load;
}

int load_accepted(const struct load *load)
{
    return atomic_load(load->accepted);
}

/* Their lines but for what was accepted too late. */
static char *lines_until(char *text, int64_t until)
{
    char *lines, *rest = NULL;
    char *out = keep_copy(text, strlen(text));
    char *at = out;

    for (lines = strtok_r(text, "\n", &rest); lines != NULL;
         lines = strtok_r(NULL, "\n", &rest)) {
        long long t = 0;

        if (sscanf(lines, "{\"t\":%lld", &t) == 1
            && (t <= until || strstr(lines, "\"accepted\"") == NULL)) {
            at += sprintf(at, "%s\n", lines);
        }
    }
    *at = '\0';
    return out;
}

const char *load_end(struct load *load, int64_t until)
{
    const char *all = "";

    for (int i = 0; i < load->options.publishers; i++) {
        int status;

        ck_assert_int_eq(waitpid(load->pids[i], &status, 0), load->pids[i]);
        ck_assert_int_eq(status, 0);
        all = keep_printf("%s%s", all,
                          lines_until(keep_file(log_name(load, i), NULL),
                                      until));
    }
    munmap((void *)load->accepted, sizeof(*load->accepted));
    return all;
}
