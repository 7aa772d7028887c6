#include "figures.h"

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "node.h"
#include "show.h"

/* ---- stats ---- */

int ctl_stats_is_now(const char *name)
{
    static const char *const names[] = {"streams",  "blocking_streams",
                                        "devices",  "users",
                                        "channels", "messages"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            return 1;
        }
    }
    return 0;
}

static void show_stats(FILE *out, const json_t *stats)
{
    json_t *sorted = json_pack("{s:{},s:{}}", "now", "since the start");
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)stats, name, value)
    {
        const char *part = json_is_integer(value) && !ctl_stats_is_now(name)
                               ? "since the start"
                               : "now";
        json_t *into = json_object_size(value) > 2
                           ? sorted
                           : json_object_get(sorted, part);

        json_object_set(into, name, value);
    }
    ctl_show(out, sorted);
    json_decref(sorted);
}

static const struct ctl_option stats_options[] = {
    CTL_NODE_OPTION,
    {0, NULL, NULL, NULL},
};

static int run_stats(struct ctl *c)
{
    const struct ctl_of_node *of = c->state;
    int status;
    char *path = ctl_node_path(c, strdup("stats"), of->node, &status);
    json_t *stats = NULL;

    if (path) {
        status = ctl_ask(c, "GET", path, &stats);
    }
    free(path);
    return status == EXIT_OK ? ctl_put(c, stats, show_stats) : status;
}

const struct ctl_command ctl_stats = {
    .name = "stats",
    .arguments = "",
    .summary = "show the figures of the server",
    .details = "In a cluster they are of all nodes.",
    .options = stats_options,
    .state_size = sizeof(struct ctl_of_node),
    .take = ctl_node_take,
    .run = run_stats,
};

/* ---- check ---- */

struct check {
    int quick;
};

static const struct ctl_option check_options[] = {
    {'q', "quick", NULL, "the health alone, for monitoring"},
    {0, NULL, NULL, NULL},
};

static void take_check(struct ctl *c, int option, const char *value)
{
    struct check *check = c->state;

    (void)value;
    check->quick |= option == 'q';
}

/* A server that is not well answers 503 with the same body, whose status is a
 * text (that of a problem is a number). NULL: it has none, and that was said. */
static json_t *ask_part(const struct ctl *c, struct ctl_http *h,
                        const char *path, int *status)
{
    struct ctl_answer answer;

    ctl_http_ask(h, "GET", path, &answer);
    *status = answer.exit;
    if (answer.exit != EXIT_OK
        && !json_is_string(json_object_get(answer.json, "status"))) {
        common_say(&c->common, "%s", answer.error);
        json_decref(answer.json);
        return NULL;
    }
    return answer.json;
}

static int is_well(const json_t *both)
{
    const json_t *check = json_object_get(both, "check");
    const char *status = json_string_value(
        json_object_get(json_object_get(both, "health"), "status"));

    return status && strcmp(status, "ok") == 0
           && (!check || json_is_true(json_object_get(check, "sound")));
}

static int ask_both(const struct ctl *c, struct ctl_http *h, json_t *both)
{
    const struct check *check = c->state;
    int status = EXIT_FAILED;
    json_t *part = ask_part(c, h, "health", &status);

    if (part) {
        json_object_set_new(both, "health", part);
    }
    if (part && !check->quick) {
        part = ask_part(c, h, "check", &status);
        if (part) {
            json_object_set_new(both, "check", part);
        }
    }
    return part ? EXIT_OK : status;
}

static int run_check(struct ctl *c)
{
    struct ctl_http *h = ctl_http_open(c);
    json_t *both = json_object();
    int status = EXIT_FAILED;

    if (h) {
        status = ask_both(c, h, both);
    }
    ctl_http_close(h);
    if (status != EXIT_OK) {
        json_decref(both);
        return status;
    }
    status = is_well(both) ? EXIT_OK : EXIT_FAILED;
    ctl_put(c, both, NULL);
    return status;
}

const struct ctl_command ctl_check = {
    .name = "check",
    .arguments = "",
    .summary = "look whether the server is well and its memory is sound",
    .details = "Locks each part of the shared memory for a moment: with "
               "--quick it does not,\nand is for monitoring. Ends with 1 "
               "where something is not well.",
    .options = check_options,
    .state_size = sizeof(struct check),
    .take = take_check,
    .run = run_check,
};
