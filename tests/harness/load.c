#include "load.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

#include "keep.h"
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
    char answer[4096];
};

static bool publisher_connect(struct publisher *p)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int one = 1;

    a.sin_port = htons((uint16_t)p->load->server->port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return connect(p->fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

/* One answer with its body; false where the server is gone. */
static bool read_answer(struct publisher *p)
{
    size_t used = 0;

    while (used < sizeof(p->answer) - 1) {
        ssize_t n = recv(p->fd, p->answer + used, sizeof(p->answer) - 1 - used,
                         0);
        const char *body;

        if (n <= 0) {
            return false;
        }
        used += (size_t)n;
        p->answer[used] = '\0';
        body = strstr(p->answer, "\r\n\r\n");
        if (body != NULL && strchr(body + 4, '\n') != NULL) {
            return true;
        }
    }
    return false;
}

static void note_accepted(struct publisher *p, const char *to, const char *key)
{
    const char *id = strstr(p->answer, "\"id\":\"");

    if (id == NULL || strncmp(p->answer, "HTTP/1.1 201", 12) != 0) {
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
    if (p->log == NULL || !publisher_connect(p)) {
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
