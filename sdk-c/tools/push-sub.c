/* push-sub.c - print the messages that arrive. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static const char help[] =
    "push-sub - receive messages from a mod_push server\n"
    "usage: push-sub [OPTION]...\n"
    "What to receive:\n"
    "  -L, --url URL            the subscribers' Location,\n"
    "                           http://127.0.0.1:8080/ramen\n"
    "  -u, --user NAME          who I am, where the server believes it\n"
    "                           (PushUser query:user)\n"
    "  -d, --device ID          device id; without it one for this run\n"
    "  -a, --app NAME           application\n"
    "  -c, --channel NAME       subscribe to a channel, may be repeated\n"
    "      --from-oldest        begin with the oldest message of a channel\n"
    "  -q, --urgency LEVEL      the lowest wanted: high, normal, low, "
    "very-low\n"
    "      --cursor-file FILE   resume where the last run with it ended\n"
    "How long:\n"
    "  -C, --count N            end after N messages\n"
    "  -W, --timeout SECONDS    end after so long, with 27 where a message\n"
    "                           is still missing\n"
    "How to print them:\n"
    "  -F, --format TEMPLATE    %d data, %e event, %i id, %m message id,\n"
    "                           %s number, %t time, %% percent, \\n \\t\n"
    "  -j, --json               one JSON object a line\n"
    "      --base64             data in base64; with --json where they are\n"
    "                           not UTF-8, else that is hex\n"
    "      --meta LIST          with --json, what is told of a message:\n"
    "                           some of type,channel,urgency,time,trace\n"
    "      --max-event-bytes N  larger ones are skipped, and told; as the\n"
    "                           server says, from 1 to 16 MiB\n"
    "      --stop-on-large      end there instead\n"
    "How to receive them:\n"
    "      --transport KIND     stream, poll, or auto: polls where streams\n"
    "                           are held back\n";

enum {
    OPT_OLDEST = OPT_OWN,
    OPT_CURSOR,
    OPT_BASE64,
    OPT_META,
    OPT_MAX,
    OPT_STOP,
    OPT_TRANSPORT
};

struct sub {
    struct common common;
    const char *channels[LIST_MAX];
    const char *user, *format, *cursor_file;
    char *query;
    char cursor[128];
    long count;   /* 0: no end */
    long timeout; /* seconds, 0: none */
    int base64;
    pushc_client *client;
    char end[256]; /* why the client stopped; written before it is over */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

static const struct option options[] = {
    COMMON_LONG,
    {"user", required_argument, NULL, 'u'},
    {"device", required_argument, NULL, 'd'},
    {"app", required_argument, NULL, 'a'},
    {"channel", required_argument, NULL, 'c'},
    {"from-oldest", no_argument, NULL, OPT_OLDEST},
    {"urgency", required_argument, NULL, 'q'},
    {"cursor-file", required_argument, NULL, OPT_CURSOR},
    {"count", required_argument, NULL, 'C'},
    {"timeout", required_argument, NULL, 'W'},
    {"format", required_argument, NULL, 'F'},
    {"base64", no_argument, NULL, OPT_BASE64},
    {"meta", required_argument, NULL, OPT_META},
    {"max-event-bytes", required_argument, NULL, OPT_MAX},
    {"stop-on-large", no_argument, NULL, OPT_STOP},
    {"transport", required_argument, NULL, OPT_TRANSPORT},
    {NULL, 0, NULL, 0},
};

static void take_channel(struct sub *s, const char *name)
{
    pushc_options *o = &s->common.pushc;

    if (o->channel_count == LIST_MAX) {
        common_usage(&s->common, "no more than %d channels", LIST_MAX);
    }
    s->channels[o->channel_count++] = name;
}

static void take_transport(struct sub *s, const char *name)
{
    static const char *const names[] = {[PUSHC_TRANSPORT_AUTO] = "auto",
                                        [PUSHC_TRANSPORT_STREAM] = "stream",
                                        [PUSHC_TRANSPORT_POLL] = "poll"};
    int i = PUSHC_TRANSPORT_POLL;

    while (i >= 0 && strcmp(name, names[i]) != 0) {
        i--;
    }
    if (i < 0) {
        common_usage(&s->common, "--transport: auto, stream or poll");
    }
    s->common.pushc.transport = i;
}

/* Options of the output; 0, or it is none of them. */
static int take_output(struct sub *s, int option, const char *value)
{
    switch (option) {
    case 'F':
        s->format = value;
        return 0;
    case OPT_BASE64:
        s->base64 = 1;
        return 0;
    case OPT_META:
        s->common.pushc.meta = value;
        return 0;
    case OPT_MAX:
        s->common.pushc.max_event_bytes = (size_t)common_number(
            &s->common, "--max-event-bytes", value, 1, 1L << 30);
        return 0;
    case OPT_STOP:
        s->common.pushc.stop_on_large = 1;
        return 0;
    default:
        return -1;
    }
}

static void take(struct sub *s, int option, const char *value)
{
    if (take_output(s, option, value) == 0) {
        return;
    }
    switch (option) {
    case OPT_HELP:
        printf("%s%s", help, common_help);
        exit(EXIT_OK);
    case 'u':
        s->user = value;
        break;
    case 'd':
        s->common.pushc.device = value;
        break;
    case 'a':
        s->common.pushc.app = value;
        break;
    case 'c':
        take_channel(s, value);
        break;
    case OPT_OLDEST:
        s->common.pushc.from_oldest = 1;
        break;
    case 'q':
        s->common.pushc.urgency = value;
        break;
    case OPT_TRANSPORT:
        take_transport(s, value);
        break;
    case OPT_CURSOR:
        s->cursor_file = value;
        break;
    case 'C':
        s->count = common_number(&s->common, "--count", value, 1, 1000000000);
        break;
    case 'W':
        s->timeout = common_number(&s->common, "--timeout", value, 1, 1000000);
        break;
    default:
        common_option(&s->common, option, value);
    }
}

static void parse(struct sub *s, int argc, char **argv)
{
    static const char letters[] = COMMON_SHORT "u:d:a:c:q:C:W:F:";
    int option = getopt_long(argc, argv, letters, options, NULL);

    while (option != -1) {
        take(s, option, optarg);
        option = getopt_long(argc, argv, letters, options, NULL);
    }
    if (optind < argc) {
        common_usage(&s->common, "%s is no option", argv[optind]);
    }
}

/* user=NAME, percent-encoded. */
static char *make_query(const char *user)
{
    char *query = malloc(3 * strlen(user) + 6);
    char *at = query;

    if (!query) {
        return NULL;
    }
    at += sprintf(at, "user=");
    for (; *user; user++) {
        at += sprintf(at, "%%%02X", (unsigned char)*user);
    }
    return query;
}

/* ---- the cursor ---- */

static void load_cursor(struct sub *s)
{
    FILE *f = s->cursor_file ? fopen(s->cursor_file, "r") : NULL;

    if (f && fgets(s->cursor, sizeof(s->cursor), f)) {
        s->cursor[strcspn(s->cursor, "\r\n")] = '\0';
        s->common.pushc.cursor = s->cursor;
    }
    if (f) {
        fclose(f);
    }
}

/* The whole file at once, so that a crash leaves the old or the new one. */
static void save_cursor(struct sub *s)
{
    char name[4096];
    char cursor[128];
    FILE *f;

    if (!s->cursor_file
        || pushc_cursor(s->client, cursor, sizeof(cursor)) != PUSHC_OK) {
        return;
    }
    snprintf(name, sizeof(name), "%s.new", s->cursor_file);
    f = fopen(name, "w");
    if (!f || fprintf(f, "%s\n", cursor) < 0 || fclose(f) != 0
        || rename(name, s->cursor_file) != 0) {
        common_say(&s->common, "%s cannot be written", s->cursor_file);
    }
}

/* ---- output ---- */

static void put_time(void)
{
    struct timespec ts;
    struct tm tm;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    printf("%s.%03ldZ", text, ts.tv_nsec / 1000000);
}

static void put_escape(char c)
{
    putchar(c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c);
}

/* In base64 (RFC 4648, section 4), freed by the caller; NULL: no memory. */
static char *base64_of(const pushc_message *m)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)m->data;
    char *out = malloc(4 * ((m->length + 2) / 3) + 1);
    char *at = out;
    size_t i;

    for (i = 0; out && i < m->length; i += 3) {
        size_t left = m->length - i;
        unsigned long v = (unsigned long)in[i] << 16
                          | (left > 1 ? (unsigned long)in[i + 1] << 8 : 0)
                          | (left > 2 ? in[i + 2] : 0);

        *at++ = digits[v >> 18 & 63];
        *at++ = digits[v >> 12 & 63];
        *at++ = left > 1 ? digits[v >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[v & 63] : '=';
    }
    if (out) {
        *at = '\0';
    }
    return out;
}

static char *hex_of(const pushc_message *m)
{
    char *out = malloc(2 * m->length + 1);
    size_t i;

    for (i = 0; out && i < m->length; i++) {
        sprintf(out + 2 * i, "%02x", (unsigned char)m->data[i]);
    }
    return out;
}

static void put_data(const struct sub *s, const pushc_message *m)
{
    char *coded = s->base64 ? base64_of(m) : NULL;

    if (coded) {
        fputs(coded, stdout);
    }
    else {
        fwrite(m->data, 1, m->length, stdout);
    }
    free(coded);
}

static void put_field(const struct sub *s, char c, const pushc_message *m)
{
    switch (c) {
    case 'd':
        put_data(s, m);
        break;
    case 'e':
        fputs(m->event, stdout);
        break;
    case 'i':
        fputs(m->id, stdout);
        break;
    case 'm':
        fputs(m->mid, stdout);
        break;
    case 's':
        printf("%llu", (unsigned long long)m->seq);
        break;
    case 't':
        put_time();
        break;
    default:
        putchar(c);
    }
}

static void put_template(const struct sub *s, const pushc_message *m)
{
    const char *format = s->format ? s->format : "%d";

    for (; *format; format++) {
        if (*format == '%' && format[1]) {
            put_field(s, *++format, m);
        }
        else if (*format == '\\' && format[1]) {
            put_escape(*++format);
        }
        else {
            putchar(*format);
        }
    }
}

static void add_meta(json_t *o, const char *name, const char *value)
{
    if (value[0] != '\0') {
        json_object_set_new(o, name, json_string(value));
    }
}

static void put_json(const struct sub *s, const pushc_message *m)
{
    json_t *data = json_stringn(m->data, m->length);
    json_t *o = json_pack("{s:I,s:s,s:s,s:s}", "seq", (json_int_t)m->seq,
                          "mid", m->mid, "id", m->id, "event", m->event);
    char *coded = data ? NULL : s->base64 ? base64_of(m) : hex_of(m);

    add_meta(o, "type", m->type);
    add_meta(o, "channel", m->channel);
    add_meta(o, "urgency", m->urgency);
    if (m->time > 0) {
        json_object_set_new(o, "time", json_integer((json_int_t)m->time));
    }
    add_meta(o, "trace", m->trace);
    if (data) {
        json_object_set_new(o, "data", data);
    }
    else {
        json_object_set_new(o, s->base64 ? "base64" : "hex",
                            json_string(coded));
    }
    free(coded);
    json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(o);
}

/* 0, or the reader of our output is gone. */
static int put(const struct sub *s, const pushc_message *m)
{
    if (s->common.json) {
        put_json(s, m);
    }
    else {
        put_template(s, m);
    }
    putchar('\n');
    return fflush(stdout);
}

/* ---- running ---- */

static void on_event(void *ctx, const pushc_event *e)
{
    struct common *c = ctx;
    struct sub *s = ctx; /* which begins with it */

    if (e->kind == PUSHC_GAP) {
        common_say(c, "the server dropped %llu messages (%s, %s)",
                   (unsigned long long)e->dropped, e->detail, e->urgency);
    }
    else if (e->kind == PUSHC_SKIPPED) {
        common_say(c, "message %s is too large (--max-event-bytes): skipped",
                   e->id[0] ? e->id : "without an id");
    }
    else if (e->kind == PUSHC_STOPPED && e->http_status >= 400) {
        snprintf(s->end, sizeof(s->end), "HTTP %ld: %s", e->http_status,
                 e->detail);
    }
    else if (e->kind == PUSHC_STOPPED) {
        snprintf(s->end, sizeof(s->end), "%s", e->detail);
    }
}

static int receive(struct sub *s)
{
    time_t end = s->timeout ? time(NULL) + s->timeout : 0;
    long left = s->count;
    int status = PUSHC_AGAIN;

    while (!interrupted && (s->count == 0 || left > 0)) {
        pushc_message *m;

        if (end && time(NULL) >= end) {
            return s->count ? PUSHC_AGAIN : PUSHC_OK;
        }
        status = pushc_next(s->client, 200, &m);
        if (status == PUSHC_OK) {
            /* What cannot be printed is not acknowledged either. */
            if (put(s, m) != 0) {
                return PUSHC_ERR_CLOSED;
            }
            pushc_ack(s->client, m);
            left--;
        }
        else if (status != PUSHC_AGAIN) {
            return status;
        }
    }
    return PUSHC_OK;
}

static void catch_signals(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_signal;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    struct sub s;
    int status;

    memset(&s, 0, sizeof(s));
    common_init(&s.common, "push-sub", "http://127.0.0.1:8080/ramen");
    parse(&s, argc, argv);
    s.query = s.user ? make_query(s.user) : NULL;
    s.common.pushc.query = s.query;
    s.common.pushc.channels = s.channels;
    s.common.pushc.ctx = &s.common;
    s.common.pushc.on_event = on_event;
    load_cursor(&s);
    catch_signals();
    status = pushc_client_create(&s.common.pushc, &s.client);
    if (status == PUSHC_OK) {
        status = pushc_client_start(s.client);
    }
    if (status == PUSHC_OK) {
        status = receive(&s);
        save_cursor(&s);
    }
    pushc_client_destroy(s.client);
    if (status != PUSHC_OK && status != PUSHC_AGAIN) {
        common_say(&s.common, "%s", s.end[0] ? s.end : pushc_strerror(status));
    }
    free(s.query);
    common_cleanup(&s.common);
    return common_exit(status);
}
