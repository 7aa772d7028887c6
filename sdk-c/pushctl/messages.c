#include "messages.h"

#include <stdio.h>
#include <stdlib.h>

#include "../tools/publish.h"
#include "http.h"
#include "show.h"

static int run_message(struct ctl *c)
{
    json_t *message;
    int status = ctl_ask_name(c, "GET", "messages/", c->arguments[0],
                              &message);

    return status == EXIT_OK ? ctl_put(c, message, NULL) : status;
}

const struct ctl_command ctl_message = {
    .name = "message",
    .arguments = "ID",
    .summary = "tell what became of a message, device by device",
    .least = 1,
    .most = 1,
    .run = run_message,
};

static void show_recall(FILE *out, const json_t *answer)
{
    char *id = ctl_show_value("id", json_object_get(answer, "id"));
    char *devices = ctl_show_value("recalled",
                                   json_object_get(answer, "recalled"));

    if (id && devices) {
        fprintf(out, "%s recalled, devices: %s\n", id, devices);
    }
    free(id);
    free(devices);
}

static int run_recall(struct ctl *c)
{
    json_t *answer;
    int status = ctl_ask_name(c, "DELETE", "messages/", c->arguments[0],
                              &answer);

    return status == EXIT_OK ? ctl_put(c, answer, show_recall) : status;
}

const struct ctl_command ctl_recall = {
    .name = "recall",
    .arguments = "ID",
    .summary = "take a message back where it is not acknowledged",
    .details = "For a channel or a broadcast the number of devices is not "
               "counted, and 0.",
    .least = 1,
    .most = 1,
    .run = run_recall,
};

/* ---- publish ---- */

static const struct ctl_option publish_options[] = {
    {'u', "user", "NAME", "to every device of a user"},
    {'d', "device", "ID", "with --user: to this device"},
    {'c', "channel", "NAME", "to every subscriber of a channel"},
    {'b', "broadcast", NULL, "to every device"},
    {'m', "message", "TEXT", "the payload: this text"},
    {'f', "file", "FILE", "a file"},
    {'s', "stdin", NULL, "all of standard input"},
    {'l', "lines", NULL, "a message for each line of standard input"},
    {'n', "null", NULL, "nothing"},
    {'q', "urgency", "high|normal|low|very-low", "normal"},
    {'t', "ttl", "SECONDS", "how long it is worth delivering"},
    {'k', "topic", "KEY", "replaces an undelivered one with this topic"},
    {'e', "event", "TYPE", "event type"},
    {'M', "type", "TYPE", "media type of the payload"},
    {'K', "key", "KEY", "idempotency key"},
    {'r', "receipt", NULL, "have devices acknowledge it at once"},
    {0, NULL, NULL, NULL},
};

static void begin_publish(struct ctl *c)
{
    publish_init(c->state, &c->common);
}

static void take_publish(struct ctl *c, int option, const char *value)
{
    publish_option(c->state, option, value);
}

static void print_result(const pushc_result *r)
{
    printf("%s  devices %ld, connected %ld\n", r->id, r->recipients,
           r->connected);
}

/* As the other commands end, where push-pub ends with 1. */
static int exit_of(int status)
{
    return status == PUSHC_ERR_NETWORK || status == PUSHC_ERR_TLS
                   || status == PUSHC_ERR_DEADLINE
               ? EXIT_UNREACHED
               : common_exit(status);
}

static int run_publish(struct ctl *c)
{
    struct publish *p = c->state;

    publish_check(p);
    p->timeout = c->timeout;
    p->print = print_result;
    return exit_of(publish_run(p));
}

const struct ctl_command ctl_publish = {
    .name = "publish",
    .arguments = "AUDIENCE PAYLOAD",
    .summary = "publish messages, as push-pub(1) does",
    .details = "Names one of --user, --channel and --broadcast, and one "
               "payload.",
    .options = publish_options,
    .state_size = sizeof(struct publish),
    .begin = begin_publish,
    .take = take_publish,
    .run = run_publish,
};
