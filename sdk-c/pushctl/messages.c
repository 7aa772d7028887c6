#include "messages.h"

#include <stdio.h>
#include <stdlib.h>

#include "../tools/publish.h"
#include "http.h"
#include "show.h"

/* Whom a message was for; several machines need it to find the message. */
struct address {
    const char *user, *device, *channel, *broadcast;
};

static const struct ctl_option address_options[] = {
    {'u', "user", "NAME", "it was published to this user"},
    {'d', "device", "ID", "with --user: to this device"},
    {'c', "channel", "NAME", "it was published to this channel"},
    {'b', "broadcast", NULL, "it was published to everyone"},
    {0, NULL, NULL, NULL},
};

static void take_address(struct ctl *c, int option, const char *value)
{
    struct address *to = c->state;

    switch (option) {
    case 'u':
        to->user = value;
        break;
    case 'd':
        to->device = value;
        break;
    case 'c':
        to->channel = value;
        break;
    default:
        to->broadcast = "1";
    }
}

/* As ctl_ask(), about the message that is the argument. */
static int ask_message(struct ctl *c, const char *method, json_t **answer)
{
    const struct address *to = c->state;
    char *path = ctl_path("messages/", c->arguments[0], "");
    int status = EXIT_FAILED;

    *answer = NULL;
    path = ctl_path_with(path, "user", to->user);
    path = ctl_path_with(path, "device", to->device);
    path = ctl_path_with(path, "channel", to->channel);
    path = ctl_path_with(path, "broadcast", to->broadcast);
    if (path) {
        status = ctl_ask(c, method, path, answer);
    }
    free(path);
    return status;
}

static int run_message(struct ctl *c)
{
    json_t *message;
    int status = ask_message(c, "GET", &message);

    return status == EXIT_OK ? ctl_put(c, message, NULL) : status;
}

const struct ctl_command ctl_message = {
    .name = "message",
    .arguments = "ID",
    .summary = "tell what became of a message, device by device",
    .details = "Where the server is one of several, say whom it was for.",
    .least = 1,
    .most = 1,
    .options = address_options,
    .state_size = sizeof(struct address),
    .take = take_address,
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
    int status = ask_message(c, "DELETE", &answer);

    return status == EXIT_OK ? ctl_put(c, answer, show_recall) : status;
}

const struct ctl_command ctl_recall = {
    .name = "recall",
    .arguments = "ID",
    .summary = "take a message back where it is not acknowledged",
    .details = "For a channel or a broadcast the number of devices is not "
               "counted, and 0. Where the server is one of several, say whom "
               "it was for.",
    .least = 1,
    .most = 1,
    .options = address_options,
    .state_size = sizeof(struct address),
    .take = take_address,
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
