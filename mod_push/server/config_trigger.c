#include "server/config_trigger.h"

#include <apr_strings.h>
#include <stdbool.h>
#include <string.h>
#include <http_log.h>

#include "server/config_trigger_part.h"
#include "server/config_value.h"
#include "triggers/expression.h"
#include "triggers/types.h"

APLOG_USE_MODULE(push);

#define ATTEMPTS    8
#define ATTEMPTS_IN "1 to 100"
#define AGE         (300 * PUSH_SECOND)
#define RATE_MAX    1000000

static push_global_t *global_of(const cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &push_module);
}

bool push_config_in_trigger(const cmd_parms *cmd)
{
    return push_trigger_rule(cmd) != NULL;
}

/* ---- when ---- */

static void find_types(const cmd_parms *cmd, push_rule_t *rule)
{
    const apr_array_header_t *types = push_rule_types(cmd->pool,
                                                      rule->when_text);

    if (types) {
        rule->types = (const char *const *)(void *)types->elts;
        rule->types_count = (unsigned)types->nelts;
    }
}

static bool names_type(const push_rule_t *rule, const char *type)
{
    for (unsigned i = 0; i < rule->types_count; i++) {
        if (!strcmp(rule->types[i], type)) {
            return true;
        }
    }
    return false;
}

/* unacked= is needed by who asks for that event, and is of no use else. */
static const char *take_unacked(const cmd_parms *cmd, push_rule_t *rule,
                                const char *word)
{
    const char *time = word ? push_trigger_value(word, "unacked") : NULL;

    if (word
        && (!time
            || !push_trigger_time(time, PUSH_SECOND, PUSH_DAY,
                                  &rule->unacked))) {
        return apr_psprintf(cmd->pool,
                            "PushWhen takes unacked= from 1s to 86400s "
                            "behind its expression, not \"%s\"",
                            word);
    }
    return names_type(rule, PUSH_UNACKED_TYPE) == (word != NULL)
               ? NULL
               : "PushWhen must have unacked=TIME with event('type') == "
                 "'" PUSH_UNACKED_TYPE "', and only with that";
}

const char *push_config_when(cmd_parms *cmd, void *dir, const char *text,
                             const char *word)
{
    push_rule_t *rule = push_trigger_rule(cmd);
    const char *error = push_trigger_place(cmd, rule && rule->when);
    const char *wrong = NULL;

    (void)dir;
    if (error) {
        return error;
    }
    rule->when_text = text;
    rule->when = ap_expr_parse_cmd(
        cmd, text, AP_EXPR_FLAG_DONT_VARY | AP_EXPR_FLAG_RESTRICTED, &wrong,
        push_expression_lookup);
    if (wrong) {
        return apr_psprintf(cmd->pool,
                            "PushWhen must be an expression over the event, "
                            "as event('type') == 'trip.accepted', not \"%s\": "
                            "%s",
                            text, wrong);
    }
    find_types(cmd, rule);
    return take_unacked(cmd, rule, word);
}

const char *push_config_every(cmd_parms *cmd, void *dir, const char *text,
                              const char *word)
{
    push_rule_t *rule = push_trigger_rule(cmd);
    const char *error = push_trigger_place(cmd, rule && rule->every);

    (void)dir;
    if (error) {
        return error;
    }
    if (!push_trigger_time(text, PUSH_SECOND / 10, PUSH_DAY, &rule->every)) {
        return push_trigger_bad(cmd, "from 100ms to 86400s", text);
    }
    if (word && strcmp(word, "while=subscribed")) {
        return apr_psprintf(cmd->pool,
                            "PushEvery takes while=subscribed behind its "
                            "time, not \"%s\"",
                            word);
    }
    rule->while_subscribed = word != NULL;
    return NULL;
}

const char *push_config_at(cmd_parms *cmd, void *dir, const char *text)
{
    push_rule_t *rule = push_trigger_rule(cmd);
    const char *error = push_trigger_place(cmd, rule && rule->at);
    push_cron_t cron;

    (void)dir;
    if (error) {
        return error;
    }
    error = push_cron_parse(cmd->pool, text, &cron);
    if (error) {
        return apr_psprintf(cmd->pool, "PushAt \"%s\": %s", text, error);
    }
    rule->at = apr_pmemdup(cmd->pool, &cron, sizeof(cron));
    return push_cron_next(&cron, 0)
               ? NULL
               : apr_psprintf(cmd->pool,
                              "PushAt \"%s\": no month has such a day", text);
}

/* ---- how it is done ---- */

static const char *take_attempt_word(const cmd_parms *cmd, push_rule_t *rule,
                                     const char *word)
{
    const char *attempts = push_trigger_value(word, "attempts");
    const char *age = push_trigger_value(word, "age");
    int64_t count;

    if (attempts) {
        if (!push_value_count(attempts, &count) || count < 1 || count > 100) {
            return apr_psprintf(cmd->pool,
                                "PushRetry attempts= must be from " ATTEMPTS_IN
                                ", not \"%s\"",
                                attempts);
        }
        rule->attempts = (unsigned)count;
        return NULL;
    }
    if (age) {
        return push_trigger_time(age, PUSH_SECOND, PUSH_DAY, &rule->age)
                   ? NULL
                   : apr_psprintf(cmd->pool,
                                  "PushRetry age= must be from 1s to 86400s, "
                                  "not \"%s\"",
                                  age);
    }
    return push_trigger_bad(
        cmd, "attempts=NUMBER and age=TIME within <PushTrigger>", word);
}

const char *push_config_attempts(cmd_parms *cmd, const char *one,
                                 const char *other)
{
    push_rule_t *rule = push_trigger_rule(cmd);

    return take_attempt_word(cmd, rule, one)
               ?: (other ? take_attempt_word(cmd, rule, other) : NULL);
}

const char *push_config_coalesce(cmd_parms *cmd, void *dir, const char *text,
                                 const char *word)
{
    push_rule_t *rule = push_trigger_rule(cmd);
    const char *error = push_trigger_place(cmd, rule && rule->coalesce);
    const char *delay = word ? push_trigger_value(word, "delay") : "0";

    (void)dir;
    if (error) {
        return error;
    }
    rule->coalesce = push_trigger_template(cmd, text, false, &error);
    if (!error
        && (!delay || !push_trigger_time(delay, 0, PUSH_DAY, &rule->delay))) {
        error = apr_psprintf(cmd->pool,
                             "PushCoalesce takes delay= from 0s to 86400s "
                             "behind its text, not \"%s\"",
                             word);
    }
    return error;
}

const char *push_config_rate(cmd_parms *cmd, void *dir, const char *text)
{
    push_rule_t *rule = push_trigger_rule(cmd);
    const char *error = push_trigger_place(cmd, rule && rule->rate);
    int64_t rate;

    (void)dir;
    if (error) {
        return error;
    }
    if (!push_value_count(text, &rate) || rate < 1 || rate > RATE_MAX) {
        return push_trigger_bad(cmd, "from 1 to 1000000", text);
    }
    rule->rate = (unsigned)rate;
    return NULL;
}

/* ---- the section ---- */

static bool is_rule_name(const char *name)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(name);

    return len && len <= PUSH_RULE_NAME_MAX && !name[strspn(name, legal)];
}

static const char *check_name(const cmd_parms *cmd,
                              const apr_array_header_t *rules,
                              const char *name)
{
    if (!is_rule_name(name)) {
        return apr_psprintf(cmd->pool,
                            "<PushTrigger> must have a name of 1 to %d of "
                            "A-Z a-z 0-9 . _ -, not \"%s\"",
                            PUSH_RULE_NAME_MAX, name);
    }
    for (int i = 0; i < rules->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(rules, i, push_rule_t *)->name, name)) {
            return apr_psprintf(cmd->pool,
                                "<PushTrigger %s> must be there once", name);
        }
    }
    return rules->nelts < PUSH_RULES_MAX
               ? NULL
               : apr_psprintf(cmd->pool,
                              "<PushTrigger> must be there at most %d times: "
                              "%s is one more",
                              PUSH_RULES_MAX, name);
}

/* What another directive said in here would be said to nobody. */
static const char *check_directives(const cmd_parms *cmd)
{
    static const char *const known[] = {
        "PushWhen",  "PushTo",   "PushPull",  "PushPost", "PushMessage",
        "PushRetry", "PushRate", "PushEvery", "PushAt",   "PushCoalesce"};
    const ap_directive_t *each = cmd->directive->first_child;

    for (; each; each = each->next) {
        size_t i = 0;

        while (i < sizeof(known) / sizeof(known[0])
               && strcasecmp(known[i], each->directive)) {
            i++;
        }
        if (i == sizeof(known) / sizeof(known[0])) {
            return apr_psprintf(cmd->pool,
                                "<PushTrigger> must have PushWhen, PushTo, "
                                "PushPull, PushPost, PushMessage, PushRetry, "
                                "PushCoalesce, PushRate, PushEvery and PushAt "
                                "within it alone, not %s",
                                each->directive);
        }
    }
    return NULL;
}

static bool follows_channel(const push_rule_t *rule)
{
    for (unsigned i = 0; i < rule->targets_count; i++) {
        if (rule->targets[i].kind == PUSH_LOG_CHANNEL) {
            return true;
        }
    }
    return false;
}

/* Once all of the section is read: what is missing. */
static const char *missing(const push_rule_t *rule)
{
    if (!rule->when && !rule->every && !rule->at) {
        return "PushWhen, PushEvery or PushAt";
    }
    if (!rule->pull.url == !rule->post.url) {
        return "either PushPull or PushPost";
    }
    if (rule->pull.url && !rule->targets_count) {
        return "a PushTo for what PushPull brings";
    }
    return rule->while_subscribed && !follows_channel(rule)
               ? "a PushTo channel for while=subscribed"
               : NULL;
}

/* What one directive says, and another one says that nobody hears it. */
static const char *unheard(const push_rule_t *rule)
{
    if (rule->every && rule->at) {
        return "either PushEvery or PushAt";
    }
    if (rule->every && !rule->when && rule->attempts) {
        return "no attempts= of PushRetry beside PushEvery alone, which is "
               "not tried again";
    }
    return rule->post.url
                   && (rule->message.ttl >= 0 || rule->message.topic
                       || rule->message.event)
               ? "no ttl=, topic= and event= of PushMessage beside PushPost, "
                 "which publishes nothing"
               : NULL;
}

static push_rule_t *make_rule(const cmd_parms *cmd, const char *name,
                              int index)
{
    push_rule_t *rule = apr_pcalloc(cmd->pool, sizeof(*rule));

    rule->name = name;
    rule->index = (unsigned)index;
    rule->user = apr_pstrcat(cmd->pool, PUSH_TRIGGER_PREFIX, name, NULL);
    rule->message.urgency = PUSH_NORMAL;
    rule->message.ttl = -1;
    rule->age = AGE;
    rule->file = cmd->directive->filename;
    rule->line = (unsigned)cmd->directive->line_num;
    return rule;
}

static const char *read_section(cmd_parms *cmd, push_global_t *global,
                                push_rule_t *rule)
{
    const char *error = check_directives(cmd);
    const char *lacks;

    if (!error) {
        global->rule = rule;
        error = ap_walk_config(cmd->directive->first_child, cmd, cmd->context);
        global->rule = NULL;
    }
    lacks = error ? NULL : missing(rule) ?: unheard(rule);
    rule->attempts = rule->attempts ? rule->attempts : ATTEMPTS;
    return lacks ? apr_psprintf(cmd->pool, "<PushTrigger %s> must have %s",
                                rule->name, lacks)
                 : error;
}

const char *push_config_trigger(cmd_parms *cmd, void *dir, const char *arg)
{
    push_global_t *global = global_of(cmd);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const char *end = strrchr(arg, '>');
    const char *name;
    push_rule_t *rule;

    (void)dir;
    if (error || !end) {
        return error ?: "<PushTrigger NAME> must end with >";
    }
    arg = apr_pstrmemdup(cmd->temp_pool, arg, (apr_size_t)(end - arg));
    name = ap_getword_conf(cmd->pool, &arg);
    if (!global->rules) {
        global->rules = apr_array_make(cmd->pool, 4, sizeof(push_rule_t *));
    }
    error = *arg ? "<PushTrigger> must have one name"
                 : check_name(cmd, global->rules, name);
    if (error) {
        return error;
    }
    rule = make_rule(cmd, name, global->rules->nelts);
    error = read_section(cmd, global, rule);
    APR_ARRAY_PUSH(global->rules, push_rule_t *) = rule;
    return error;
}
