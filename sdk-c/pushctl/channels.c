#include "channels.h"

#include <stdlib.h>

#include "http.h"
#include "show.h"
#include "table.h"

static void show_channels(FILE *out, const json_t *answer)
{
    struct ctl_table *list = ctl_table_create(1);
    const json_t *channel;
    size_t i;

    json_array_foreach(json_object_get(answer, "channels"), i, channel)
    {
        char *text = ctl_show_value("channel", channel);

        if (list && text) {
            ctl_table_add(list, text);
        }
        free(text);
    }
    if (list) {
        ctl_table_print(list, out, 0);
    }
    ctl_table_destroy(list);
}

static int run_subscriptions(struct ctl *c)
{
    json_t *answer;
    int status = ctl_ask_name(c, "GET", "subscriptions?user=", c->arguments[0],
                              &answer);

    return status == EXIT_OK ? ctl_put(c, answer, show_channels) : status;
}

const struct ctl_command ctl_subscriptions = {
    .name = "subscriptions",
    .arguments = "USER",
    .summary = "list the channels that the server subscribes a user to",
    .least = 1,
    .most = 1,
    .run = run_subscriptions,
};

static int change(const struct ctl *c, const char *method)
{
    char *path = ctl_path_with(ctl_path("subscriptions?user=", c->arguments[0],
                                        ""),
                               "channel", c->arguments[1]);
    json_t *answer;
    int status = ctl_ask(c, method, path, &answer);

    free(path);
    return status == EXIT_OK ? ctl_put(c, answer, NULL) : status;
}

static int run_subscribe(struct ctl *c)
{
    return change(c, "PUT");
}

const struct ctl_command ctl_subscribe = {
    .name = "subscribe",
    .arguments = "USER CHANNEL",
    .summary = "subscribe all devices of a user to a channel",
    .details = "Those that are connected follow it at once, those that come "
               "later from then on.",
    .least = 2,
    .most = 2,
    .run = run_subscribe,
};

static int run_unsubscribe(struct ctl *c)
{
    return change(c, "DELETE");
}

const struct ctl_command ctl_unsubscribe = {
    .name = "unsubscribe",
    .arguments = "USER CHANNEL",
    .summary = "take that back",
    .details = "A device that asks for the channel itself follows it still.",
    .least = 2,
    .most = 2,
    .run = run_unsubscribe,
};
