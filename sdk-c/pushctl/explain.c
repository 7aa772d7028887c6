#include "explain.h"

#include <stdio.h>
#include <stdlib.h>

#include "http.h"
#include "show.h"
#include "table.h"
#include "text.h"

struct question {
    const char *user, *device, *channel, *broadcast;
};

static const struct ctl_option explain_options[] = {
    {'u', "user", "NAME", "whose devices are asked about; needed"},
    {'d', "device", "ID", "this one alone, by its name or its id"},
    {'c', "channel", "NAME", "the message was published to this channel"},
    {'b', "broadcast", NULL, "the message was published to everyone"},
    {0, NULL, NULL, NULL},
};

static void take_explain(struct ctl *c, int option, const char *value)
{
    struct question *q = c->state;

    switch (option) {
    case 'u':
        q->user = value;
        break;
    case 'd':
        q->device = value;
        break;
    case 'c':
        q->channel = value;
        break;
    default:
        q->broadcast = "1";
    }
}

static void put_text(FILE *out, const json_t *text)
{
    char *clean = ctl_text_clean(json_is_string(text) ? json_string_value(text)
                                                      : "");

    if (clean) {
        fprintf(out, "%s\n", clean);
    }
    free(clean);
}

/* When, where that is known, and what. */
static void put_steps(FILE *out, const json_t *steps)
{
    struct ctl_table *table = ctl_table_create(2);
    const json_t *step;
    size_t i;

    if (!table) {
        return;
    }
    json_array_foreach(steps, i, step)
    {
        const json_t *at = json_object_get(step, "at");
        const char *text = json_string_value(json_object_get(step, "text"));
        char when[CTL_TEXT_MAX] = "";

        if (json_is_integer(at)) {
            ctl_text_time(json_integer_value(at), 0, when);
        }
        ctl_table_add(table, when);
        ctl_table_add(table, text ? text : "");
    }
    ctl_table_print(table, out, 2);
    ctl_table_destroy(table);
}

static void put_chain(FILE *out, const json_t *chain)
{
    put_steps(out, json_object_get(chain, "steps"));
    put_text(out, json_object_get(chain, "verdict"));
}

/* Of several devices each chain below its name, and what is said of all. */
static void show_explanation(FILE *out, const json_t *answer)
{
    const json_t *devices = json_object_get(answer, "devices");
    const json_t *device;
    size_t i;

    if (!devices) {
        put_chain(out, answer);
        return;
    }
    json_array_foreach(devices, i, device)
    {
        put_text(out, json_object_get(device, "device"));
        put_chain(out, device);
        fputc('\n', out);
    }
    put_text(out, json_object_get(answer, "verdict"));
}

static int run_explain(struct ctl *c)
{
    const struct question *q = c->state;
    json_t *answer;
    int status = EXIT_FAILED;
    char *path;

    if (!q->user) {
        common_usage(&c->common, "say whose devices: --user NAME");
    }
    path = ctl_path("explain?user=", q->user, "");
    path = ctl_path_with(path, "device", q->device);
    path = ctl_path_with(path, "message", c->count ? c->arguments[0] : NULL);
    path = ctl_path_with(path, "channel", q->channel);
    path = ctl_path_with(path, "broadcast", q->broadcast);
    if (path) {
        status = ctl_ask(c, "GET", path, &answer);
    }
    free(path);
    return status == EXIT_OK ? ctl_put(c, answer, show_explanation) : status;
}

const struct ctl_command ctl_explain = {
    .name = "explain",
    .arguments = "[MESSAGE]",
    .summary = "say why a message did not arrive, or a device hears nothing",
    .details = "Without a message: why the user's devices hear nothing.",
    .least = 0,
    .most = 1,
    .options = explain_options,
    .state_size = sizeof(struct question),
    .take = take_explain,
    .run = run_explain,
};
