#include "tail.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "text.h"

#define CHANNELS_MAX 4

struct tail {
    long count; /* events, 0: no end */

    /* ---- while it runs ---- */
    pushc_client *client;
    long http_status; /* why the client stopped; written before it is over */
    char end[256];
};

static const struct ctl_option tail_options[] = {
    {'n', "count", "N", "end after so many events"},
    {0, NULL, NULL, NULL},
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

static void take_tail(struct ctl *c, int option, const char *value)
{
    struct tail *t = c->state;

    (void)option;
    t->count = common_number(&c->common, "--count", value, 1, 1000000000);
}

/* ---- an event as a line ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static void put_word(FILE *out, const char *text)
{
    if (*text) {
        fprintf(out, "  %s", text);
    }
}

/* "2026-11-29T16:46:11.123Z" is 16:46:11.123; what is else stays. */
static void put_time(FILE *out, const char *time)
{
    const char *clock = strchr(time, 'T');

    fprintf(out, "%.*s", (int)strcspn(clock ? clock + 1 : time, "Z"),
            clock ? clock + 1 : time);
}

/* "2 devices missed it" */
static void put_missed(FILE *out, const json_t *data)
{
    const json_t *devices = json_object_get(data, "devices");
    size_t n = json_array_size(devices);

    if (json_is_array(devices)) {
        fprintf(out, "  dead: missed by %zu device%s", n, n == 1 ? "" : "s");
    }
}

/* The last word of the type, of what, whose; what is told besides. */
static void put_event(FILE *out, const json_t *event)
{
    const json_t *data = json_object_get(event, "data");
    const char *type = text_of(event, "type");
    const char *word = strrchr(type, '.');

    put_time(out, text_of(event, "time"));
    fprintf(out, "  %-12s", word ? word + 1 : type);
    put_word(out, text_of(data, "message"));
    put_word(out, text_of(event, "subject"));
    put_word(out, text_of(data, "event"));
    put_word(out, text_of(data, "urgency"));
    put_word(out, text_of(data, "device_id"));
    put_word(out, text_of(data, "app"));
    put_missed(out, data);
}

/* Figures, each with its name. */
static void put_figures(FILE *out, json_t *object)
{
    const char *name;
    json_t *value;
    int some = 0;

    json_object_foreach(object, name, value)
    {
        char number[CTL_TEXT_MAX];

        if (json_is_integer(value) && strcmp(name, "time") != 0) {
            ctl_text_count(json_integer_value(value), number);
            fprintf(out, "%s%s %s", some++ ? "  " : "", name, number);
        }
    }
}

char *ctl_tail_line(const char *data, size_t length)
{
    json_t *json = json_loadb(data, length, 0, NULL);
    char *text = NULL, *line;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out && json_object_get(json, "specversion")) {
        put_event(out, json);
    }
    else if (out && json_is_object(json)) {
        put_figures(out, json);
    }
    else if (out) {
        fwrite(data, 1, length, out);
    }
    if (out) {
        fclose(out);
    }
    line = text ? ctl_text_clean(text) : NULL;
    free(text);
    json_decref(json);
    return line;
}

/* ---- receiving ---- */

/* 0, or the reader of our output is gone. */
static int put(const struct ctl *c, const pushc_message *m)
{
    json_t *json = c->common.json ? json_loadb(m->data, m->length, 0, NULL)
                                  : NULL;
    char *line = json ? NULL : ctl_tail_line(m->data, m->length);

    if (json) {
        ctl_show_json(json);
    }
    else if (line) {
        puts(line);
    }
    free(line);
    json_decref(json);
    return fflush(stdout);
}

static void on_event(void *ctx, const pushc_event *e)
{
    struct ctl *c = ctx; /* which begins with what the other hooks take */
    struct tail *t = c->state;

    if (e->kind == PUSHC_GAP) {
        common_say(&c->common, "the server dropped %llu events (%s)",
                   (unsigned long long)e->dropped, e->detail);
    }
    else if (e->kind == PUSHC_STOPPED && e->http_status >= 400) {
        snprintf(t->end, sizeof(t->end), "HTTP %ld: %s", e->http_status,
                 e->detail);
        t->http_status = e->http_status;
    }
    else if (e->kind == PUSHC_STOPPED) {
        snprintf(t->end, sizeof(t->end), "%s", e->detail);
    }
}

static int receive(const struct ctl *c, struct tail *t)
{
    int status = PUSHC_OK;

    for (long n = 0; !interrupted && (t->count == 0 || n < t->count);) {
        pushc_message *m;

        status = pushc_next(t->client, 200, &m);
        if (status == PUSHC_AGAIN) {
            continue;
        }
        /* What cannot be printed is not acknowledged either. */
        if (status != PUSHC_OK || put(c, m) != 0) {
            return status;
        }
        pushc_ack(t->client, m);
        n++;
    }
    return PUSHC_OK;
}

/* The words of the command line, or all but $stats. */
static size_t choose(const struct ctl *c, const char *channels[CHANNELS_MAX])
{
    static const char *const known[CHANNELS_MAX] = {
        "$receipts", "$deadletters", "$presence", "$stats"};
    size_t n = 0;

    for (int i = 0; i < c->count; i++) {
        size_t k = 0;

        while (k < CHANNELS_MAX
               && strcmp(c->arguments[i], known[k] + 1) != 0) {
            k++;
        }
        if (k == CHANNELS_MAX) {
            common_usage(&c->common,
                         "receipts, deadletters, presence or stats, not %s",
                         c->arguments[i]);
        }
        channels[n++] = known[k];
    }
    for (size_t i = 0; n == 0 && i < CHANNELS_MAX - 1; i++) {
        channels[i] = known[i];
    }
    return n ? n : CHANNELS_MAX - 1;
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

static int run_tail(struct ctl *c)
{
    struct tail *t = c->state;
    const char *channels[CHANNELS_MAX];
    pushc_options options = c->common.pushc;
    int status;

    options.channels = channels;
    options.channel_count = choose(c, channels);
    options.ctx = c;
    options.on_event = on_event;
    catch_signals();
    status = pushc_client_create(&options, &t->client);
    if (status == PUSHC_OK) {
        status = pushc_client_start(t->client);
    }
    if (status == PUSHC_OK) {
        status = receive(c, t);
    }
    pushc_client_destroy(t->client);
    if (status != PUSHC_OK) {
        common_say(&c->common, "%s",
                   t->end[0] ? t->end : pushc_strerror(status));
    }
    return t->http_status == 404 ? EXIT_MISSING : common_exit(status);
}

const struct ctl_command ctl_tail = {
    .name = "tail",
    .arguments = "receipts|deadletters|presence|stats",
    .summary = "show what happens, a line an event",
    .details = "Several of these may be said; without any, all but stats. "
               "Ctrl-C ends it. With --json\neach line is an event as the "
               "server published it.",
    .least = 0,
    .most = CHANNELS_MAX,
    .options = tail_options,
    .state_size = sizeof(struct tail),
    .take = take_tail,
    .run = run_tail,
};
