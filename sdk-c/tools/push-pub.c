/* push-pub.c - publish messages. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

static const char help[] =
    "push-pub - publish messages to a mod_push server\n"
    "usage: push-pub [OPTION]... AUDIENCE PAYLOAD\n"
    "  -L, --url URL            the administration's Location,\n"
    "                           http://127.0.0.1:8080/push\n"
    "Audience, one of:\n"
    "  -u, --user NAME          every device of a user\n"
    "  -d, --device ID          with --user: this device\n"
    "  -c, --channel NAME       every subscriber of a channel\n"
    "  -b, --broadcast          every device\n"
    "Payload, one of:\n"
    "  -m, --message TEXT\n"
    "  -f, --file FILE\n"
    "  -s, --stdin              all of standard input\n"
    "  -l, --lines              a message for each line of standard input,\n"
    "                           over one connection\n"
    "  -n, --null               an empty message\n"
    "How:\n"
    "  -q, --urgency LEVEL      high, normal, low, very-low\n"
    "  -t, --ttl SECONDS        how long it is worth delivering\n"
    "  -k, --topic KEY          replaces an undelivered one with this topic\n"
    "  -e, --event TYPE         event type\n"
    "  -M, --type TYPE          media type of the payload\n"
    "  -K, --key KEY            idempotency key\n"
    "  -r, --receipt            ask for a receipt (channel $receipts)\n"
    "  -W, --timeout SECONDS    give up after so long: 30\n"
    "  -j, --json               print each result as JSON\n";

struct pub {
    struct common common;
    pushc_outgoing message;
    const char *text, *file;
    int from_stdin, lines, null;
    long timeout;
    pushc_publisher *publisher;
    int failed; /* the first status that was not PUSHC_OK; the publisher's
                   thread, read after a flush */
};

static const struct option options[] = {
    COMMON_LONG,
    {"user", required_argument, NULL, 'u'},
    {"device", required_argument, NULL, 'd'},
    {"channel", required_argument, NULL, 'c'},
    {"broadcast", no_argument, NULL, 'b'},
    {"message", required_argument, NULL, 'm'},
    {"file", required_argument, NULL, 'f'},
    {"stdin", no_argument, NULL, 's'},
    {"lines", no_argument, NULL, 'l'},
    {"null", no_argument, NULL, 'n'},
    {"urgency", required_argument, NULL, 'q'},
    {"ttl", required_argument, NULL, 't'},
    {"topic", required_argument, NULL, 'k'},
    {"event", required_argument, NULL, 'e'},
    {"type", required_argument, NULL, 'M'},
    {"key", required_argument, NULL, 'K'},
    {"receipt", no_argument, NULL, 'r'},
    {"timeout", required_argument, NULL, 'W'},
    {NULL, 0, NULL, 0},
};

static int take_payload(struct pub *p, int option, const char *value)
{
    switch (option) {
    case 'm':
        p->text = value;
        return 0;
    case 'f':
        p->file = value;
        return 0;
    case 's':
        p->from_stdin = 1;
        return 0;
    case 'l':
        p->lines = 1;
        return 0;
    case 'n':
        p->null = 1;
        return 0;
    default:
        return -1;
    }
}

static int take_audience(struct pub *p, int option, const char *value)
{
    switch (option) {
    case 'u':
        p->message.user = value;
        return 0;
    case 'd':
        p->message.device = value;
        return 0;
    case 'c':
        p->message.channel = value;
        return 0;
    case 'b':
        p->message.broadcast = 1;
        return 0;
    default:
        return -1;
    }
}

static void take(struct pub *p, int option, const char *value)
{
    switch (option) {
    case OPT_HELP:
        printf("%s%s", help, common_help);
        exit(EXIT_OK);
    case 'q':
        p->message.urgency = value;
        break;
    case 't':
        p->message.ttl = common_number(&p->common, "--ttl", value, 0,
                                       1000000000);
        break;
    case 'k':
        p->message.topic = value;
        break;
    case 'e':
        p->message.event = value;
        break;
    case 'M':
        p->message.content_type = value;
        break;
    case 'K':
        p->message.key = value;
        break;
    case 'r':
        p->message.receipt = 1;
        break;
    case 'W':
        p->timeout = common_number(&p->common, "--timeout", value, 1, 86400);
        break;
    default:
        if (take_payload(p, option, value) != 0
            && take_audience(p, option, value) != 0) {
            common_option(&p->common, option, value);
        }
    }
}

static void parse(struct pub *p, int argc, char **argv)
{
    static const char letters[] = COMMON_SHORT "u:d:c:bm:f:slnq:t:k:e:M:K:rW:";
    int option = getopt_long(argc, argv, letters, options, NULL);
    int payloads, audiences;

    while (option != -1) {
        take(p, option, optarg);
        option = getopt_long(argc, argv, letters, options, NULL);
    }
    if (optind < argc) {
        common_usage(&p->common, "%s is no option", argv[optind]);
    }
    payloads = (p->text != NULL) + (p->file != NULL) + p->from_stdin + p->lines
               + p->null;
    audiences = (p->message.user != NULL) + (p->message.channel != NULL)
                + p->message.broadcast;
    if (audiences != 1 || (p->message.device && !p->message.user)) {
        common_usage(&p->common, "say --user, --channel or --broadcast");
    }
    if (payloads != 1) {
        common_usage(&p->common,
                     "say --message, --file, --stdin, --lines or --null");
    }
    if (p->lines && p->message.key) {
        common_usage(&p->common, "--key is for one message, not for --lines");
    }
}

/* ---- results ---- */

static void put_json(const pushc_result *r)
{
    json_t *o = json_pack("{s:s,s:s,s:i}", "id", r->id, "key", r->key,
                          "attempts", (int)r->attempts);

    if (r->recipients >= 0) {
        json_object_set_new(o, "recipients", json_integer(r->recipients));
    }
    if (r->connected >= 0) {
        json_object_set_new(o, "connected", json_integer(r->connected));
    }
    if (r->status != PUSHC_OK) {
        json_object_set_new(o, "error",
                            json_string(pushc_strerror(r->status)));
        json_object_set_new(o, "status", json_integer(r->http_status));
        json_object_set_new(o, "detail", json_string(r->detail));
    }
    json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(o);
}

static void on_result(void *ctx, const pushc_result *r)
{
    struct pub *p = ctx;

    if (p->common.json) {
        put_json(r);
    }
    else if (r->status == PUSHC_OK) {
        puts(r->id);
    }
    if (r->status != PUSHC_OK) {
        p->failed = p->failed ? p->failed : r->status;
        common_say(&p->common, "%s%s%s", pushc_strerror(r->status),
                   r->detail[0] ? ": " : "", r->detail);
    }
}

/* ---- payloads ---- */

static int publish(struct pub *p, const char *bytes, size_t length)
{
    int status;

    p->message.data = bytes;
    p->message.length = length;
    status = pushc_publish(p->publisher, &p->message, -1, on_result, p);
    if (status != PUSHC_OK) {
        common_say(&p->common, "%s", pushc_strerror(status));
    }
    return status;
}

static int publish_lines(struct pub *p)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n = getline(&line, &room, stdin);
    int status = PUSHC_OK;

    while (status == PUSHC_OK && n >= 0) {
        if (n > 0 && line[n - 1] == '\n') {
            n--;
        }
        status = publish(p, line, (size_t)n);
        n = getline(&line, &room, stdin);
    }
    free(line);
    return status;
}

static int publish_stream(struct pub *p, FILE *f)
{
    char *bytes = NULL;
    size_t length = 0, room = 0;
    int status;

    do {
        char *more;

        room = room ? room * 2 : 65536;
        more = realloc(bytes, room);
        if (!more) {
            free(bytes);
            return PUSHC_ERR_MEMORY;
        }
        bytes = more;
        length += fread(bytes + length, 1, room - length, f);
    } while (length == room);
    status = publish(p, bytes, length);
    free(bytes);
    return status;
}

static int publish_file(struct pub *p)
{
    FILE *f = fopen(p->file, "r");
    int status;

    if (!f) {
        common_say(&p->common, "%s cannot be read", p->file);
        return PUSHC_ERR_ARGUMENT;
    }
    status = publish_stream(p, f);
    fclose(f);
    return status;
}

static int publish_all(struct pub *p)
{
    int status = p->lines        ? publish_lines(p)
                 : p->file       ? publish_file(p)
                 : p->from_stdin ? publish_stream(p, stdin)
                 : p->text       ? publish(p, p->text, strlen(p->text))
                                 : publish(p, "", 0);

    pushc_publisher_flush(p->publisher, -1);
    return status != PUSHC_OK ? status : p->failed;
}

int main(int argc, char **argv)
{
    struct pub p;
    pushc_outgoing message = PUSHC_OUTGOING_INIT;
    int status;

    memset(&p, 0, sizeof(p));
    p.message = message;
    common_init(&p.common, "push-pub", "http://127.0.0.1:8080/push");
    parse(&p, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    p.common.pushc.ctx = &p.common;
    p.common.pushc.streaming = p.lines;
    p.common.pushc.publish_ms = (unsigned)(p.timeout * 1000);
    status = pushc_publisher_create(&p.common.pushc, &p.publisher);
    if (status == PUSHC_OK) {
        status = publish_all(&p);
    }
    else {
        common_say(&p.common, "%s", pushc_strerror(status));
    }
    pushc_publisher_destroy(p.publisher);
    common_cleanup(&p.common);
    if (fflush(stdout) != 0) {
        status = PUSHC_ERR_CLOSED;
    }
    return common_exit(status);
}
