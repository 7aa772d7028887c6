#include "pushbench_options.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const USAGE =
    "usage: pushbench idle|fanout|unicast|hold|away|none\n"
    "                 --target push|nchan|bare\n"
    "                 --url http://127.0.0.1:PORT [option value]...\n"
    "  --streams N      subscriber streams (1000)\n"
    "  --receive R      stream or poll: long polls, each of which is asked\n"
    "                   when the one before has its answer (stream)\n"
    "  --publisher P    post or ndjson (post)\n"
    "  --conns N        publisher connections (1)\n"
    "  --depth N        POSTs in flight a connection; above 1 they are\n"
    "                   pipelined (1)\n"
    "  --window N       NDJSON lines not yet answered a connection (2048)\n"
    "  --ahead N        messages a stream that may be published and not yet\n"
    "                   delivered, on average (400)\n"
    "  --rate N         messages a second, and measure the latency;\n"
    "                   0 = as fast as it goes (0)\n"
    "  --size N         payload bytes (100)\n"
    "  --seconds S      measured time (3)\n"
    "  --warmup S       time before it (0.5)\n"
    "  --spare N        MiB of memory that must stay available: below, the\n"
    "                   run ends; 0 = not watched (0)\n"
    "  --follow N       hold: 1: all follow the channel <prefix>all (0)\n"
    "  --tls N          port to which the subscribers connect by TLS; 0 = "
    "not\n"
    "                   by TLS (0)\n"
    "  --servers N      bare: processes that serve (2)\n"
    "  --nodes N        servers, at the url's port and those behind it:\n"
    "                   streams and publishers are spread over them (1)\n"
    "  --apart N        1: the first server is published to, and the others\n"
    "                   have the streams (0)\n"
    "  --server-pid P   root of the server's processes: its CPU and memory\n"
    "  --warm N         idle: streams opened before the first measure (100)\n"
    "  --procs N        subscriber processes (2)\n"
    "  --sources N      source addresses, 127.0.0.2 and on (4)\n"
    "  --connecting N   connects in flight (128)\n"
    "  --prefix NAME    of the names of users and channels (b)\n"
    "  --device NAME    device parameter for mod_push, '' for none (d)\n";

enum kind { NUMBER, SECONDS, TEXT, PID };

/* One option that is stored as it stands. */
struct option_row {
    const char *name;
    enum kind kind;
    size_t offset;
    long min, max;
};

#define ROW(name, kind, field, min, max)                                      \
    {                                                                         \
        name, kind, offsetof(struct pb_options, field), min, max              \
    }

static const struct option_row ROWS[] = {
    ROW("--streams", NUMBER, streams, 1, 2000000),
    ROW("--warm", NUMBER, warm, 0, 100000),
    ROW("--procs", NUMBER, procs, 1, 200),
    ROW("--sources", NUMBER, sources, 1, 200),
    ROW("--connecting", NUMBER, connecting, 1, 10000),
    ROW("--conns", NUMBER, conns, 1, 1000),
    ROW("--depth", NUMBER, depth, 1, 1000),
    ROW("--window", NUMBER, window, 1, 1000000),
    ROW("--ahead", NUMBER, ahead, 1, 1000000),
    ROW("--size", NUMBER, size, PB_MIN_PAYLOAD, PB_MAX_PAYLOAD),
    ROW("--rate", NUMBER, rate, 0, 1000000),
    ROW("--spare", NUMBER, spare, 0, 1000000),
    ROW("--servers", NUMBER, servers, 1, 200),
    ROW("--nodes", NUMBER, nodes, 1, 64),
    ROW("--apart", NUMBER, apart, 0, 1),
    ROW("--follow", NUMBER, follow, 0, 1),
    ROW("--tls", NUMBER, tls, 0, 65535),
    ROW("--seconds", SECONDS, seconds, 0, 3600),
    ROW("--warmup", SECONDS, warmup, 0, 3600),
    ROW("--server-pid", PID, server_pid, 1, 1L << 30),
    ROW("--prefix", TEXT, prefix, 1, 32),
    ROW("--device", TEXT, device, 0, 32),
};

static void set_defaults(struct pb_options *options)
{
    memset(options, 0, sizeof *options);
    options->prefix = "b";
    options->device = "d";
    options->streams = 1000;
    options->warm = 100;
    options->procs = 2;
    options->sources = 4;
    options->connecting = 128;
    options->conns = 1;
    options->depth = 1;
    options->window = 2048;
    options->ahead = 400;
    options->servers = 2;
    options->nodes = 1;
    options->size = 100;
    options->warmup = 0.5;
    options->seconds = 3;
}

static bool set_text(const struct option_row *row, const char *value,
                     const char **field)
{
    size_t len = strlen(value);

    if (len < (size_t)row->min || len > (size_t)row->max
        || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789") != len) {
        return false;
    }
    *field = value;
    return true;
}

static bool set_row(struct pb_options *options, const struct option_row *row,
                    const char *value)
{
    void *field = (char *)options + row->offset;
    char *end;
    double number;

    if (row->kind == TEXT) {
        return set_text(row, value, field);
    }
    number = strtod(value, &end);
    if (end == value || *end != '\0' || !(number >= (double)row->min)
        || !(number <= (double)row->max)) {
        return false;
    }
    if (row->kind == SECONDS) {
        *(double *)field = number;
    }
    else if (row->kind == PID) {
        *(pid_t *)field = (pid_t)number;
    }
    else {
        *(unsigned *)field = (unsigned)number;
    }
    return true;
}

static bool set_url(struct pb_options *options, const char *value)
{
    char host[INET_ADDRSTRLEN];
    unsigned port;
    int end = 0;

    if (sscanf(value, "http://%15[0-9.]:%5u%n", host, &port, &end) != 2
        || strspn(value + end, "/") != strlen(value + end) || port == 0
        || port > 65535) {
        return false;
    }
    options->server.sin_family = AF_INET;
    options->server.sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &options->server.sin_addr) == 1
           && ntohl(options->server.sin_addr.s_addr) >> 24 == 127;
}

/* The index of `value` in a NULL-terminated list; -1 if it is not there. */
static int index_in(const char *const *names, const char *value)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], value) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *const TARGETS[] = {"push", "nchan", "bare", NULL};
static const char *const MODES[] = {"idle", "fanout", "unicast", "hold",
                                    "away", "none",   NULL};
static const char *const PUBLISHERS[] = {"post", "ndjson", NULL};
static const char *const RECEIVERS[] = {"stream", "poll", NULL};

const char *pb_target_name(enum pb_target target)
{
    return TARGETS[target];
}

const char *pb_mode_name(enum pb_mode mode)
{
    return MODES[mode];
}

static bool set_option(struct pb_options *options, const char *name,
                       const char *value)
{
    int index;

    if (strcmp(name, "--url") == 0) {
        return set_url(options, value);
    }
    if (strcmp(name, "--target") == 0) {
        index = index_in(TARGETS, value);
        options->target = index < 0 ? PB_PUSH : (enum pb_target)index;
        return index >= 0;
    }
    if (strcmp(name, "--publisher") == 0) {
        index = index_in(PUBLISHERS, value);
        options->ndjson = index == 1;
        return index >= 0;
    }
    if (strcmp(name, "--receive") == 0) {
        index = index_in(RECEIVERS, value);
        options->polls = index == 1;
        return index >= 0;
    }
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        if (strcmp(ROWS[i].name, name) == 0) {
            return set_row(options, &ROWS[i], value);
        }
    }
    return false;
}

/* What no server of this kind can do; NULL where it can. */
static const char *contradiction(const struct pb_options *options)
{
    if (options->target != PB_PUSH && options->ndjson) {
        return "nchan and bare take one message a POST";
    }
    if (options->target == PB_BARE
        && (options->mode == PB_UNICAST || options->mode == PB_AWAY
            || options->tls > 0)) {
        return "bare knows no messages, and no TLS";
    }
    if (options->polls
        && (options->target == PB_BARE || options->mode == PB_HOLD)) {
        return "bare knows no polls, and hold is about streams";
    }
    if (options->server.sin_port == 0) {
        return "--url http://127.x.y.z:PORT is needed";
    }
    return NULL;
}

bool pb_options_parse(struct pb_options *options, int argc, char **argv)
{
    int mode = argc > 1 ? index_in(MODES, argv[1]) : -1;
    const char *wrong;

    set_defaults(options);
    if (mode < 0) {
        fputs(USAGE, stderr);
        return false;
    }
    options->mode = (enum pb_mode)mode;
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 == argc || !set_option(options, argv[i], argv[i + 1])) {
            fprintf(stderr, "pushbench: wrong option or value: %s %s\n%s",
                    argv[i], i + 1 < argc ? argv[i + 1] : "", USAGE);
            return false;
        }
    }
    wrong = contradiction(options);
    if (wrong) {
        fprintf(stderr, "pushbench: %s\n", wrong);
    }
    return !wrong;
}
