#include "top.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frame.h"
#include "http.h"
#include "node.h"
#include "show.h"
#include "terminal.h"

/* With more channels than this they are not listed: the server looks at all
 * of them. */
#define CHANNELS_MAX 1000

#define INTERVAL_MAX 3600

struct top {
    long interval; /* seconds */
    long count;    /* frames, 0: no end */
    int batch;
    const char *node; /* NULL: of all */

    /* ---- while it runs ---- */
    struct ctl_http *http;
    char *stats, *channels; /* the paths */
    struct ctl_frame frame;
    struct ctl_answer answer; /* the newest; its JSON is not here */
    int over;
};

static const struct ctl_option top_options[] = {
    {'i', "interval", "SECONDS", "between two looks: 1"},
    {'n', "count", "N", "end after so many looks"},
    {'b', "batch", NULL, "no terminal: one frame after the other"},
    CTL_NODE_OPTION,
    {0, NULL, NULL, NULL},
};

static void begin_top(struct ctl *c)
{
    struct top *t = c->state;

    t->interval = 1;
}

static void take_top(struct ctl *c, int option, const char *value)
{
    struct top *t = c->state;

    if (option == 'i') {
        t->interval = common_number(&c->common, "--interval", value, 1,
                                    INTERVAL_MAX);
    }
    else if (option == 'n') {
        t->count = common_number(&c->common, "--count", value, 1, 1000000000);
    }
    else if (option == CTL_NODE) {
        t->node = value;
    }
    else {
        t->batch = 1;
    }
}

/* ---- looking ---- */

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static json_t *ask(struct top *t, const char *path)
{
    json_t *json;

    ctl_http_ask(t->http, "GET", path, &t->answer);
    json = t->answer.json;
    t->answer.json = NULL;
    if (t->answer.exit != EXIT_OK) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

/* The exit code; a look that failed changes nothing but the error. */
static int look(struct top *t)
{
    /* First, since its failure is none: older servers do not have it. Those of
     * the node that answers; of another one they are not to be had. */
    json_t *children = t->node ? NULL : ask(t, "children");
    struct ctl_look l = {.stats = ask(t, t->stats)};
    json_t *channels = NULL;

    l.at = now_ms();
    l.children = json_incref(json_object_get(children, "children"));
    json_decref(children);
    if (l.stats
        && json_integer_value(json_object_get(l.stats, "channels"))
               <= CHANNELS_MAX) {
        channels = ask(t, t->channels);
        l.channels = json_incref(json_object_get(channels, "channels"));
        json_decref(channels);
    }
    if (l.stats) {
        ctl_frame_take(&t->frame, &l);
    }
    else {
        json_decref(l.children);
    }
    t->frame.error = t->answer.error;
    t->frame.interval = t->interval;
    return t->answer.exit;
}

/* ---- without a terminal ---- */

static void print_frame(const struct ctl *c, const struct top *t)
{
    json_t *json;

    if (c->common.json) {
        json = ctl_frame_json(&t->frame);
        ctl_show_json(json);
        json_decref(json);
    }
    else {
        ctl_frame_print(&t->frame, stdout);
    }
    fflush(stdout);
}

static int run_batch(const struct ctl *c, struct top *t)
{
    int status = EXIT_OK;

    for (long i = 0; t->count == 0 || i < t->count; i++) {
        struct timespec pause = {t->interval, 0};

        if (i > 0) {
            nanosleep(&pause, NULL);
            fputs(c->common.json ? "" : "\n", stdout);
        }
        status = look(t);
        print_frame(c, t);
        if (ferror(stdout)) {
            break;
        }
    }
    return status;
}

/* ---- with one ---- */

static void draw(const struct top *t)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out) {
        ctl_frame_print(&t->frame, out);
        fclose(out);
        ctl_terminal_draw(text);
    }
    free(text);
}

static void handle(struct top *t, int event)
{
    if (event == CTL_END || event == 'q' || event == 'Q') {
        t->over = 1;
    }
    else if (event == '+' && t->interval < INTERVAL_MAX) {
        t->interval++;
    }
    else if (event == '-' && t->interval > 1) {
        t->interval--;
    }
    t->frame.interval = t->interval;
}

/* While an answer is waited for. */
static int on_wait(void *ctx)
{
    struct top *t = ctx;

    handle(t, ctl_terminal_wait(0));
    return t->over;
}

/* Until it is time for the next look. */
static void rest(struct top *t)
{
    int64_t begun = now_ms();

    while (!t->over) {
        int64_t left = begun + 1000 * t->interval - now_ms();
        int event = left > 0 ? ctl_terminal_wait((long)left) : CTL_TIME;

        if (left <= 0) {
            return;
        }
        handle(t, event);
        if (event != CTL_TIME) {
            draw(t);
        }
    }
}

/* What is refused at the first look is said and no terminal taken; later it
 * may come back. */
static int run_live(const struct ctl *c, struct top *t)
{
    int status = look(t);

    if (status != EXIT_OK) {
        common_say(&c->common, "%s", t->answer.error);
        return status;
    }
    if (ctl_terminal_open() != 0) {
        common_usage(&c->common, "top needs a terminal; see --batch, --json");
    }
    t->frame.keys = 1;
    ctl_http_stop(t->http, on_wait, t);
    for (long left = t->count; !t->over; left--) {
        draw(t);
        if (left == 1) {
            break;
        }
        rest(t);
        if (!t->over) {
            look(t);
        }
    }
    ctl_terminal_close();
    return EXIT_OK;
}

/* 0: there is a path for all that is asked. */
static int make_paths(const struct ctl *c, struct top *t, int *status)
{
    char *node = NULL;

    *status = EXIT_FAILED;
    if (t->node) {
        node = ctl_node_number(c, t->node, status);
    }
    if (!t->node || node) {
        t->stats = ctl_path_with(strdup("stats"), "node", node);
        t->channels = ctl_path_with(
            strdup("channels?sort=subscribers&limit=50"), "node", node);
    }
    free(node);
    return t->stats && t->channels ? 0 : -1;
}

static int run_frames(const struct ctl *c, struct top *t)
{
    int status;

    t->frame.url = c->common.pushc.url;
    t->frame.error = "";
    t->http = ctl_http_open(c);
    if (!t->http) {
        common_say(&c->common, "libcurl does not take these settings");
        return EXIT_FAILED;
    }
    status = t->batch || c->common.json ? run_batch(c, t) : run_live(c, t);
    ctl_frame_cleanup(&t->frame);
    ctl_http_close(t->http);
    return status;
}

static int run_top(struct ctl *c)
{
    struct top *t = c->state;
    int status;

    if (make_paths(c, t, &status) == 0) {
        status = run_frames(c, t);
    }
    free(t->stats);
    free(t->channels);
    return status;
}

const struct ctl_command ctl_top = {
    .name = "top",
    .arguments = "",
    .summary = "show the figures as they change",
    .details = "Keys: q ends it, + and - make it slower and faster. With "
               "--json each look is a line.",
    .options = top_options,
    .state_size = sizeof(struct top),
    .begin = begin_top,
    .take = take_top,
    .run = run_top,
};
