#include "server/config_trigger_to.h"

#include <apr_strings.h>
#include <string.h>

#include "core/text.h"
#include "server/config_trigger_part.h"

#define TIMEOUT (5 * PUSH_SECOND)

/* ---- to whom ---- */

static const char *take_to_word(const cmd_parms *cmd,
                                push_rule_target_t *target, const char *word)
{
    const char *error = NULL;
    const char *device = push_trigger_value(word, "device");

    if (device && target->kind == PUSH_LOG_USER) {
        target->device = push_trigger_template(cmd, device, false, &error);
        return error;
    }
    if (!strcmp(word, "if=connected") && target->kind != PUSH_LOG_BROADCAST) {
        target->connected = true;
        return NULL;
    }
    return apr_psprintf(cmd->pool,
                        "PushTo takes if=connected behind user and channel, "
                        "and device= behind user, not \"%s\"",
                        word);
}

static const char *take_kind(const cmd_parms *cmd, push_rule_target_t *target,
                             int argc, char *const argv[])
{
    static const char legal[] = "user NAME, channel NAME or broadcast";
    const char *kind = argc ? argv[0] : "";
    const char *error = NULL;

    if (!strcmp(kind, "broadcast")) {
        target->kind = PUSH_LOG_BROADCAST;
        return NULL;
    }
    target->kind = strcmp(kind, "user") ? PUSH_LOG_CHANNEL : PUSH_LOG_USER;
    if ((strcmp(kind, "user") && strcmp(kind, "channel")) || argc < 2) {
        return push_trigger_bad(cmd, legal, argc > 1 ? argv[0] : kind);
    }
    if (argv[1][0] == '$') {
        return apr_psprintf(cmd->pool,
                            "PushTo %s must be a name that does not begin "
                            "with $, not \"%s\"",
                            kind, argv[1]);
    }
    target->name = push_trigger_template(cmd, argv[1], false, &error);
    return error;
}

const char *push_config_to(cmd_parms *cmd, void *dir, int argc,
                           char *const argv[])
{
    push_rule_t *rule = push_trigger_rule(cmd);
    const char *error = push_trigger_place(cmd, false);
    push_rule_target_t *target;

    (void)dir;
    if (error) {
        return error;
    }
    if (rule->targets_count == PUSH_RULE_TARGETS_MAX) {
        return apr_psprintf(cmd->pool,
                            "PushTo must be there at most %d times within "
                            "<PushTrigger %s>",
                            PUSH_RULE_TARGETS_MAX, rule->name);
    }
    target = &rule->targets[rule->targets_count++];
    error = take_kind(cmd, target, argc, argv);
    for (int i = target->kind == PUSH_LOG_BROADCAST ? 1 : 2;
         i < argc && !error; i++) {
        error = take_to_word(cmd, target, argv[i]);
    }
    return error;
}

/* ---- requests ---- */

static const char *take_per(push_rule_request_t *request, const char *text)
{
    static const char *const names[] = {[PUSH_PER_USER] = "user",
                                        [PUSH_PER_ONCE] = "once",
                                        [PUSH_PER_CONTEXT] = "context"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(text, names[i])) {
            request->per = (push_rule_per_t)i;
            return NULL;
        }
    }
    return "per= must be user, context or once";
}

static const char *take_timeout(push_rule_request_t *request, const char *text)
{
    return push_trigger_time(text, PUSH_SECOND / 10, 60 * PUSH_SECOND,
                             &request->timeout)
               ? NULL
               : "timeout= must be from 100ms to 60s";
}

static const char *take_secret(const cmd_parms *cmd,
                               push_rule_request_t *request, const char *path)
{
    request->secret = *path ? ap_server_root_relative(cmd->pool, path) : NULL;
    return request->secret ? NULL : "secret= must be the path of a file";
}

static const char *take_changed(push_rule_request_t *request, const char *text)
{
    request->only_changed = true;
    return strcmp(text, "changed") ? "only= must be changed" : NULL;
}

/* What is wrong with the word of PushPull or PushPost. */
static const char *request_word(const cmd_parms *cmd, bool pull,
                                push_rule_request_t *request, const char *word)
{
    const char *timeout = push_trigger_value(word, "timeout");
    const char *secret = push_trigger_value(word, "secret");
    const char *per = pull ? push_trigger_value(word, "per") : NULL;
    const char *only = pull ? push_trigger_value(word, "only") : NULL;

    return timeout  ? take_timeout(request, timeout)
           : secret ? take_secret(cmd, request, secret)
           : per    ? take_per(request, per)
           : only   ? take_changed(request, only)
           : pull   ? "behind the URL there may be timeout=, secret=, per= "
                      "and only="
                    : "behind the URL there may be timeout= and secret=";
}

static const char *take_request_word(const cmd_parms *cmd, bool pull,
                                     push_rule_request_t *request,
                                     const char *word)
{
    const char *error = request_word(cmd, pull, request, word);

    return error ? apr_psprintf(cmd->pool, "%s: %s, not \"%s\"",
                                cmd->cmd->name, error, word)
                 : NULL;
}

const char *push_config_request(cmd_parms *cmd, void *dir, int argc,
                                char *const argv[])
{
    bool pull = !strcmp(cmd->cmd->name, "PushPull");
    push_rule_t *rule = push_trigger_rule(cmd);
    push_rule_request_t *request = rule && pull ? &rule->pull
                                   : rule       ? &rule->post
                                                : NULL;
    const char *error = push_trigger_place(cmd, request && request->url);

    (void)dir;
    if (error || argc < 1) {
        return error ?: push_trigger_bad(cmd, "a URL", "");
    }
    request->timeout = TIMEOUT;
    request->url = push_trigger_template(cmd, argv[0], true, &error);
    for (int i = 1; i < argc && !error; i++) {
        error = take_request_word(cmd, pull, request, argv[i]);
    }
    return error;
}

/* ---- the message ---- */

static const char *take_urgency(const cmd_parms *cmd, push_rule_t *rule,
                                const char *text)
{
    push_text_t name = {text, (uint32_t)strlen(text)};

    return push_urgency_parse(name, &rule->message.urgency)
               ? NULL
               : apr_psprintf(cmd->pool,
                              "PushMessage urgency= must be high, normal, low "
                              "or very-low, not \"%s\"",
                              text);
}

static const char *take_event(const cmd_parms *cmd, push_rule_t *rule,
                              const char *text)
{
    rule->message.event = text;
    return push_event_valid(text, strlen(text)) && strncmp(text, "push.", 5)
               ? NULL
               : apr_psprintf(cmd->pool,
                              "PushMessage event= must be 1 to %d of A-Z a-z "
                              "0-9 . _ : - and not begin with push., not "
                              "\"%s\"",
                              PUSH_EVENT_MAX, text);
}

static const char *take_ttl(const cmd_parms *cmd, push_rule_t *rule,
                            const char *text)
{
    return push_trigger_time(text, 0, 365LL * PUSH_DAY, &rule->message.ttl)
               ? NULL
               : apr_psprintf(cmd->pool,
                              "PushMessage ttl= must be from 0s to 31536000s, "
                              "not \"%s\"",
                              text);
}

const char *push_config_message(cmd_parms *cmd, void *dir, const char *word)
{
    push_rule_t *rule = push_trigger_rule(cmd);
    const char *error = push_trigger_place(cmd, false);
    const char *value;

    (void)dir;
    if (error) {
        return error;
    }
    value = push_trigger_value(word, "urgency");
    if (value) {
        return take_urgency(cmd, rule, value);
    }
    value = push_trigger_value(word, "ttl");
    if (value) {
        return take_ttl(cmd, rule, value);
    }
    value = push_trigger_value(word, "event");
    if (value) {
        return take_event(cmd, rule, value);
    }
    value = push_trigger_value(word, "topic");
    if (value) {
        rule->message.topic = push_trigger_template(cmd, value, false, &error);
        return error;
    }
    return push_trigger_bad(cmd, "urgency=, ttl=, topic= or event=", word);
}
