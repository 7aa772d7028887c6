#include "users.h"

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "node.h"
#include "show.h"
#include "table.h"

static void show_devices(FILE *out, const json_t *answer)
{
    static const char *const names[] = {"id",        "device",   "app",
                                        "online",    "ack",      "pending",
                                        "in_flight", "sent_seq", "acked_seq",
                                        "last_seen", NULL};

    ctl_show_table(out, json_object_get(answer, "devices"), names, 0);
}

static int run_user(struct ctl *c)
{
    json_t *devices;
    int status = ctl_ask_name(c, "GET", "users?user=", c->arguments[0],
                              &devices);

    return status == EXIT_OK ? ctl_put(c, devices, show_devices) : status;
}

const struct ctl_command ctl_user = {
    .name = "user",
    .arguments = "USER",
    .summary = "list the devices of a user",
    .least = 1,
    .most = 1,
    .run = run_user,
};

static const struct ctl_option device_options[] = {
    CTL_NODE_OPTION,
    {0, NULL, NULL, NULL},
};

static int run_device(struct ctl *c)
{
    const struct ctl_of_node *of = c->state;
    int status;
    char *path = ctl_node_path(c, ctl_path("devices/", c->arguments[0], ""),
                               of->node, &status);
    json_t *device = NULL;

    if (path) {
        status = ctl_ask(c, "GET", path, &device);
    }
    free(path);
    return status == EXIT_OK ? ctl_put(c, device, NULL) : status;
}

const struct ctl_command ctl_device = {
    .name = "device",
    .arguments = "ID",
    .summary = "show one device, by the id that \"user\" lists",
    .least = 1,
    .most = 1,
    .options = device_options,
    .state_size = sizeof(struct ctl_of_node),
    .take = ctl_node_take,
    .run = run_device,
};

/* ---- sending a user away ---- */

static void show_sent_away(FILE *out, const json_t *answer)
{
    char *user = ctl_show_value("user", json_object_get(answer, "user"));
    char *streams = ctl_show_value("disconnected",
                                   json_object_get(answer, "disconnected"));
    struct ctl_table *line = ctl_table_create(1);

    if (line && user && streams) {
        char *text = NULL;

        if (asprintf(&text, "%s: streams ended: %s", user, streams) >= 0) {
            ctl_table_add(line, text);
            ctl_table_print(line, out, 0);
            free(text);
        }
    }
    ctl_table_destroy(line);
    free(user);
    free(streams);
}

static int send_away(const struct ctl *c, const char *method, const char *path,
                     const char *user)
{
    json_t *answer;
    int status = ctl_ask_name(c, method, path, user, &answer);

    return status == EXIT_OK ? ctl_put(c, answer, show_sent_away) : status;
}

static int run_disconnect(struct ctl *c)
{
    return send_away(c, "DELETE", "streams?user=", c->arguments[0]);
}

const struct ctl_command ctl_disconnect = {
    .name = "disconnect",
    .arguments = "USER",
    .summary = "end the streams of a user, who may come again",
    .least = 1,
    .most = 1,
    .run = run_disconnect,
};

static int run_revoke(struct ctl *c)
{
    return send_away(c, "POST", "revoke?user=", c->arguments[0]);
}

const struct ctl_command ctl_revoke = {
    .name = "revoke",
    .arguments = "USER",
    .summary = "refuse every token of a user that was issued up to now",
    .details = "Ends the streams of the user too. Take away the account "
               "first: a token that is\nissued later is let in.",
    .least = 1,
    .most = 1,
    .run = run_revoke,
};
