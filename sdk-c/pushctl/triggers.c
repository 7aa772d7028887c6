#include "triggers.h"

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "show.h"

/* ---- list ---- */

static json_t *member(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    return value ? json_incref(value) : json_null();
}

/* What fits a line; --json has the rest. */
static json_t *row_of(const json_t *trigger)
{
    static const char *const names[][2] = {
        {"trigger", "trigger"}, {"taken", "taken"},
        {"queued", "waiting"},  {"running", "running"},
        {"matched", "matched"}, {"published", "published"},
        {"retries", "retries"}, {"dead", "dead"}};
    json_t *row = json_object();

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_object_set_new(row, names[i][0], member(trigger, names[i][1]));
    }
    json_object_set_new(row, "last_error",
                        member(json_object_get(trigger, "error"), "text"));
    return row;
}

static void show_list(FILE *out, const json_t *answer)
{
    static const char *const names[] = {"trigger", "taken",   "queued",
                                        "running", "matched", "published",
                                        "retries", "dead",    "last_error",
                                        NULL};
    json_t *rows = json_array();
    const json_t *trigger;
    size_t i;

    json_array_foreach(json_object_get(answer, "triggers"), i, trigger)
    {
        json_array_append_new(rows, row_of(trigger));
    }
    ctl_show_table(out, rows, names, 0);
    json_decref(rows);
}

static int run_list(const struct ctl *c)
{
    json_t *answer;
    int status = ctl_ask(c, "GET", "triggers", &answer);

    return status == EXIT_OK ? ctl_put(c, answer, show_list) : status;
}

/* ---- what was given up ---- */

static json_t *letter_of(const json_t *dead)
{
    const json_t *event = json_object_get(dead, "event");
    json_t *row = json_object();

    json_object_set_new(row, "id", member(dead, "id"));
    json_object_set_new(row, "created", member(dead, "since"));
    json_object_set_new(row, "type", member(event, "type"));
    json_object_set_new(row, "source", member(event, "source"));
    json_object_set_new(row, "event", member(event, "id"));
    json_object_set_new(row, "reason", member(event, "pusherror"));
    return row;
}

static void show_dead(FILE *out, const json_t *answer)
{
    static const char *const names[] = {"id",    "created", "type", "source",
                                        "event", "reason",  NULL};
    json_t *rows = json_array();
    const json_t *dead;
    size_t i;

    json_array_foreach(json_object_get(answer, "dead"), i, dead)
    {
        json_array_append_new(rows, letter_of(dead));
    }
    ctl_show_table(out, rows, names, 0);
    if (json_is_true(json_object_get(answer, "more"))) {
        fprintf(out, "There are more.\n");
    }
    json_decref(rows);
}

/* The only one, with all of its event. */
static void show_letter(FILE *out, const json_t *answer)
{
    const json_t *dead = json_array_get(json_object_get(answer, "dead"), 0);

    ctl_show(out, dead);
}

static void show_count(FILE *out, const json_t *answer)
{
    const json_t *queued = json_object_get(answer, "queued");
    char *count = ctl_show_value(
        "", queued ? queued : json_object_get(answer, "forgotten"));

    if (count) {
        fprintf(out, "%s: %s\n", queued ? "queued again" : "dropped", count);
    }
    if (json_is_true(json_object_get(answer, "more"))) {
        fprintf(out, "There are more: say it again.\n");
    }
    free(count);
}

static const struct action {
    const char *word, *method, *behind; /* behind the name in the path */
    void (*show)(FILE *out, const json_t *answer);
    void (*show_one)(FILE *out, const json_t *answer);
} actions[] = {{"show", "GET", "/dead", show_dead, show_letter},
               {"retry", "POST", "/retry", show_count, show_count},
               {"drop", "DELETE", "/dead", show_count, show_count}};

static int run_action(const struct ctl *c, const struct action *action)
{
    const char *id = c->count > 2 ? c->arguments[2] : NULL;
    char *path = ctl_path("triggers/", c->arguments[1], action->behind);
    json_t *answer = NULL;
    int status = EXIT_FAILED;

    path = ctl_path_with(path, "id", id);
    if (path) {
        status = ctl_ask(c, action->method, path, &answer);
    }
    free(path);
    return status == EXIT_OK
               ? ctl_put(c, answer, id ? action->show_one : action->show)
               : status;
}

static int run(struct ctl *c)
{
    const char *word = c->count > 0 ? c->arguments[0] : "list";

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(word, actions[i].word) == 0) {
            if (c->count < 2) {
                common_usage(&c->common, "say which trigger to %s", word);
            }
            return run_action(c, &actions[i]);
        }
    }
    if (strcmp(word, "list") != 0 || c->count > 1) {
        common_usage(&c->common, "triggers takes list, or show, retry or drop "
                                 "and the name of one");
    }
    return run_list(c);
}

const struct ctl_command ctl_triggers = {
    .name = "triggers",
    .arguments = "list|show|retry|drop [TRIGGER [ID]]",
    .summary = "show how triggers stand, and what they gave up",
    .details = "Without a word, or with list, how all of them stand. What one "
               "gave up can be shown,\nqueued again and dropped: all of it, "
               "or what an id of \"show\" names. Shown by its id\nit has the "
               "data of its event.",
    .least = 0,
    .most = 3,
    .run = run,
};
