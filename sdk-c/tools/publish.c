#include "publish.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void publish_init(struct publish *p, struct common *common)
{
    pushc_outgoing message = PUSHC_OUTGOING_INIT;

    memset(p, 0, sizeof(*p));
    p->common = common;
    p->message = message;
}

static int take_payload(struct publish *p, int option, const char *value)
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

static int take_audience(struct publish *p, int option, const char *value)
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

static int take_manner(struct publish *p, int option, const char *value)
{
    switch (option) {
    case 'q':
        p->message.urgency = value;
        return 0;
    case 't':
        p->message.ttl = common_number(p->common, "--ttl", value, 0,
                                       1000000000);
        return 0;
    case 'k':
        p->message.topic = value;
        return 0;
    case 'e':
        p->message.event = value;
        return 0;
    case 'M':
        p->message.content_type = value;
        return 0;
    case 'K':
        p->message.key = value;
        return 0;
    case 'r':
        p->message.receipt = 1;
        return 0;
    default:
        return -1;
    }
}

int publish_option(struct publish *p, int option, const char *value)
{
    if (take_payload(p, option, value) == 0
        || take_audience(p, option, value) == 0) {
        return 0;
    }
    return take_manner(p, option, value);
}

void publish_check(const struct publish *p)
{
    int payloads = (p->text != NULL) + (p->file != NULL) + p->from_stdin
                   + p->lines + p->null;
    int audiences = (p->message.user != NULL) + (p->message.channel != NULL)
                    + p->message.broadcast;

    if (audiences != 1 || (p->message.device && !p->message.user)) {
        common_usage(p->common, "say --user, --channel or --broadcast");
    }
    if (payloads != 1) {
        common_usage(p->common,
                     "say --message, --file, --stdin, --lines or --null");
    }
    if (p->lines && p->message.key) {
        common_usage(p->common, "--key is for one message, not for --lines");
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
    struct publish *p = ctx;

    if (p->common->json) {
        put_json(r);
    }
    else if (r->status == PUSHC_OK && p->print) {
        p->print(r);
    }
    else if (r->status == PUSHC_OK) {
        puts(r->id);
    }
    if (r->status != PUSHC_OK) {
        p->failed = p->failed ? p->failed : r->status;
        common_say(p->common, "%s%s%s", pushc_strerror(r->status),
                   r->detail[0] ? ": " : "", r->detail);
    }
}

/* ---- payloads ---- */

static int publish(struct publish *p, const char *bytes, size_t length)
{
    int status;

    p->message.data = bytes;
    p->message.length = length;
    status = pushc_publish(p->publisher, &p->message, -1, on_result, p);
    if (status != PUSHC_OK) {
        common_say(p->common, "%s", pushc_strerror(status));
    }
    return status;
}

static int publish_lines(struct publish *p)
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

static int publish_stream(struct publish *p, FILE *f)
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

static int publish_file(struct publish *p)
{
    FILE *f = fopen(p->file, "r");
    int status;

    if (!f) {
        common_say(p->common, "%s cannot be read", p->file);
        return PUSHC_ERR_ARGUMENT;
    }
    status = publish_stream(p, f);
    fclose(f);
    return status;
}

static int publish_all(struct publish *p)
{
    int status = p->lines        ? publish_lines(p)
                 : p->file       ? publish_file(p)
                 : p->from_stdin ? publish_stream(p, stdin)
                 : p->text       ? publish(p, p->text, strlen(p->text))
                                 : publish(p, "", 0);

    pushc_publisher_flush(p->publisher, -1);
    return status != PUSHC_OK ? status : p->failed;
}

int publish_run(struct publish *p)
{
    pushc_options *o = &p->common->pushc;
    int status;

    signal(SIGPIPE, SIG_IGN);
    o->ctx = p->common;
    o->streaming = p->lines;
    o->publish_ms = (unsigned)(p->timeout * 1000);
    status = pushc_publisher_create(o, &p->publisher);
    if (status == PUSHC_OK) {
        status = publish_all(p);
    }
    else {
        common_say(p->common, "%s", pushc_strerror(status));
    }
    pushc_publisher_destroy(p->publisher);
    p->publisher = NULL;
    return fflush(stdout) == 0 ? status : PUSHC_ERR_CLOSED;
}
