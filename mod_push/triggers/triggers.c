#include "triggers/triggers.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/times.h"
#include "core/traceparent.h"
#include "triggers/errand.h"
#include "triggers/expression.h"

/* Bytes of a digest that name a key or a Topic. */
#define DIGEST_BYTES 24
#define DIGEST_CHARS (DIGEST_BYTES / 3 * 4)

typedef apr_array_header_t rules_t; /* const push_rule_t * */

struct push_triggers_t {
    server_rec *server;
    push_broker_t *broker;
    push_trigger_figures_t *figures; /* by the index of the rule */
    rules_t *all;
    apr_hash_t *by_type; /* rules_t *: those that name the type */
    rules_t *any;        /* those of which no type is known */
};

/* One call of push_triggers_take(). */
typedef struct {
    push_triggers_t *triggers;
    apr_pool_t *pool;
    apr_pool_t *scratch; /* of the rule at hand */
    push_expression_stage_t *stage;
    push_commit_t commit;
    apr_array_header_t *begun; /* begun_t */
} taking_t;

/* A publish that has begun, and the event that it is of. */
typedef struct {
    push_answer_t answer;
    const push_rule_t *rule;
    push_taken_t *taken;
} begun_t;

/* ---- rules ---- */

static const push_rule_t *nth(const rules_t *rules, int i)
{
    return APR_ARRAY_IDX(rules, i, const push_rule_t *);
}

static rules_t *of_type(push_triggers_t *triggers, apr_pool_t *pool,
                        const char *type)
{
    rules_t *rules = apr_hash_get(triggers->by_type, type,
                                  APR_HASH_KEY_STRING);

    if (!rules) {
        rules = apr_array_make(pool, 2, sizeof(const push_rule_t *));
        apr_hash_set(triggers->by_type, type, APR_HASH_KEY_STRING, rules);
    }
    return rules;
}

/* A type that is named twice counts once. */
static void file(push_triggers_t *triggers, apr_pool_t *pool,
                 const push_rule_t *rule)
{
    for (unsigned i = 0; i < rule->types_count; i++) {
        rules_t *rules = of_type(triggers, pool, rule->types[i]);

        if (!rules->nelts || nth(rules, rules->nelts - 1) != rule) {
            APR_ARRAY_PUSH(rules, const push_rule_t *) = rule;
        }
    }
    if (rule->when && !rule->types_count) {
        APR_ARRAY_PUSH(triggers->any, const push_rule_t *) = rule;
    }
}

push_triggers_t *push_triggers_create(apr_pool_t *pool, server_rec *server,
                                      const apr_array_header_t *rules,
                                      push_trigger_figures_t *figures,
                                      push_broker_t *broker)
{
    push_triggers_t *triggers = apr_pcalloc(pool, sizeof(*triggers));

    triggers->server = server;
    triggers->broker = broker;
    triggers->figures = figures;
    triggers->all = apr_array_copy(pool, rules);
    triggers->by_type = apr_hash_make(pool);
    triggers->any = apr_array_make(pool, 4, sizeof(const push_rule_t *));
    for (int i = 0; i < rules->nelts; i++) {
        file(triggers, pool, nth(rules, i));
    }
    return triggers;
}

const push_rule_t *push_triggers_rule(const push_triggers_t *triggers,
                                      unsigned index)
{
    return index < (unsigned)triggers->all->nelts
               ? nth(triggers->all, (int)index)
               : NULL;
}

const push_rule_t *push_triggers_find(const push_triggers_t *triggers,
                                      const char *name)
{
    for (int i = 0; i < triggers->all->nelts; i++) {
        if (!strcmp(nth(triggers->all, i)->name, name)) {
            return nth(triggers->all, i);
        }
    }
    return NULL;
}

static const rules_t *named(const push_triggers_t *triggers, push_text_t type)
{
    return apr_hash_get(triggers->by_type, type.at, (apr_ssize_t)type.len);
}

/* Of the server itself. */
static bool is_own(push_text_t type)
{
    return type.len > 5 && !memcmp(type.at, "push.", 5);
}

bool push_triggers_want(const push_triggers_t *triggers, push_text_t type)
{
    return named(triggers, type) || (triggers->any->nelts && !is_own(type));
}

/* ---- targets ---- */

/* As a publisher might name it. */
static bool is_name(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f) {
            return false;
        }
    }
    return len && len <= PUSH_NAME_MAX && *name != '$';
}

/* What a template gives; false: nothing that is a name. */
static bool put_name(taking_t *t, json_t *target, const char *member,
                     const push_template_t *name,
                     const push_trigger_event_t *event)
{
    const char *text = push_template_fill(name, t->scratch, event);

    return text && is_name(text)
           && !json_object_set_new(target, member, json_string(text));
}

static bool put_target(taking_t *t, json_t *target,
                       const push_rule_target_t *to,
                       const push_trigger_event_t *event)
{
    if (to->kind == PUSH_LOG_BROADCAST) {
        return !json_object_set_new(target, "broadcast", json_true());
    }
    if (!put_name(t, target, to->kind == PUSH_LOG_USER ? "user" : "channel",
                  to->name, event)
        || (to->device && !put_name(t, target, "device", to->device, event))) {
        return false;
    }
    return !to->connected
           || !json_object_set_new(target, "connected", json_true());
}

static bool has(const json_t *list, const json_t *target)
{
    const json_t *each;
    size_t i;

    json_array_foreach(list, i, each)
    {
        if (json_equal(each, target)) {
            return true;
        }
    }
    return false;
}

/* Those of the rule that the event has a name for, each once. */
static json_t *targets_of(taking_t *t, const push_rule_t *rule,
                          const push_trigger_event_t *event)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < rule->targets_count; i++) {
        json_t *target = json_object();

        if (put_target(t, target, &rule->targets[i], event)
            && !has(list, target)) {
            json_array_append(list, target);
        }
        json_decref(target);
    }
    return list;
}

/* ---- the queue ---- */

/* So many bytes of the SHA-256 of both texts, as base64url. */
static push_text_t digest(apr_pool_t *pool, push_text_t one, push_text_t other)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char hash[EVP_MAX_MD_SIZE];
    const char *both = apr_psprintf(pool, "%.*s\n%.*s", (int)one.len, one.at,
                                    (int)other.len, other.at);
    char *text = apr_palloc(pool, DIGEST_CHARS);
    char *at = text;

    EVP_Digest(both, strlen(both), hash, NULL, EVP_sha256(), NULL);
    for (unsigned i = 0; i < DIGEST_BYTES; i += 3) {
        unsigned bits = (unsigned)hash[i] << 16 | (unsigned)hash[i + 1] << 8
                        | hash[i + 2];

        for (int shift = 18; shift >= 0; shift -= 6) {
            *at++ = alphabet[bits >> shift & 63];
        }
    }
    return (push_text_t){text, DIGEST_CHARS};
}

static push_text_t text_of(const char *string)
{
    return (push_text_t){string, (uint32_t)strlen(string)};
}

/* What has no value to coalesce by is by itself. */
static push_text_t topic_of(taking_t *t, const push_rule_t *rule,
                            const push_trigger_event_t *event)
{
    const char *key = rule->coalesce ? push_template_fill(rule->coalesce,
                                                          t->scratch, event)
                                     : NULL;

    return key ? digest(t->scratch, text_of("coalesce"), text_of(key))
               : (push_text_t){"", 0};
}

static push_text_t trace_of(taking_t *t, const push_trigger_event_t *event)
{
    char *trace = apr_palloc(t->scratch, PUSH_TRACEPARENT_BYTES);

    return event->traceparent.len
                   && push_traceparent_parse(event->traceparent.at,
                                             event->traceparent.len, trace)
               ? (push_text_t){trace, PUSH_TRACEPARENT_BYTES}
               : (push_text_t){"", 0};
}

/* The same event may come with other words: it is the same still. */
static push_status_t verdict(push_status_t status)
{
    return status == PUSH_KEY_REUSED ? PUSH_OK : status;
}

static void note(taking_t *t, push_taken_t *taken, const push_rule_t *rule,
                 push_status_t status)
{
    if (status != PUSH_OK) {
        atomic_fetch_add(&t->triggers->figures[rule->index].refused, 1);
    }
    if (status == PUSH_MAILBOX_FULL && !taken->full) {
        taken->full = rule;
    }
    if (taken->status == PUSH_OK) {
        taken->status = status;
    }
}

static void settle(taking_t *t)
{
    push_broker_t *broker = t->triggers->broker;

    for (int i = 0; i < t->begun->nelts; i++) {
        begun_t *begun = &APR_ARRAY_IDX(t->begun, i, begun_t);

        note(t, begun->taken, begun->rule,
             verdict(broker->settle(broker, &t->commit, &begun->answer)));
    }
    apr_array_clear(t->begun);
    t->commit = (push_commit_t){0};
}

static bool is_unacked(const push_trigger_event_t *event)
{
    return event->type.len == sizeof(PUSH_UNACKED_TYPE) - 1
           && !memcmp(event->type.at, PUSH_UNACKED_TYPE, event->type.len);
}

/* When it is to be in the queue; 0: at once. */
static int64_t at_of(const push_rule_t *rule,
                     const push_trigger_event_t *event, const push_time_t *now)
{
    int64_t delay = rule->delay + (is_unacked(event) ? rule->unacked : 0);

    return delay ? now->wall + delay : 0;
}

static push_status_t publish(taking_t *t, const push_rule_t *rule,
                             const push_trigger_event_t *event,
                             const char *payload, push_answer_t *answer)
{
    push_broker_t *broker = t->triggers->broker;
    push_time_t now = push_clock_now();
    push_status_t status;
    push_publication_t asked = {
        .audience = {.kind = PUSH_LOG_USER, .name = text_of(rule->user)},
        .spec = {.content = {.event = text_of("trigger"),
                             .type = text_of(PUSH_ERRAND_TYPE),
                             .trace = trace_of(t, event),
                             .data = text_of(payload)},
                 .topic = topic_of(t, rule, event),
                 .urgency = rule->message.urgency,
                 .ttl = rule->age + PUSH_RULE_GRACE},
        .key = digest(t->scratch, event->source, event->id),
        .at = at_of(rule, event, &now),
        .now = now};

    status = broker->publish(broker, &asked, &t->commit, answer);
    if (status == PUSH_KEY_BUSY && t->begun->nelts) {
        /* The same event may be one of those before. */
        settle(t);
        status = broker->publish(broker, &asked, &t->commit, answer);
    }
    return status;
}

/* A message of the rule, unless none of its targets has a name. */
static void queue(taking_t *t, const push_rule_t *rule,
                  const push_trigger_event_t *event, push_taken_t *taken)
{
    push_errand_t errand = {.rule = rule->name,
                            .to = targets_of(t, rule, event)};
    push_answer_t answer = {0};
    const char *payload;
    push_status_t status;

    if (rule->targets_count && !json_array_size(errand.to)) {
        json_decref(errand.to);
        return;
    }
    payload = push_errand_write(t->scratch, event, &errand);
    json_decref(errand.to);
    taken->matched++;
    atomic_fetch_add(&t->triggers->figures[rule->index].matched, 1);
    status = payload ? publish(t, rule, event, payload, &answer)
                     : PUSH_NO_MEMORY;
    if (status == PUSH_OK) {
        APR_ARRAY_PUSH(t->begun, begun_t) = (begun_t){answer, rule, taken};
    }
    else {
        note(t, taken, rule, verdict(status));
    }
}

/* ---- events ---- */

static void match(taking_t *t, const rules_t *rules,
                  const push_trigger_event_t *event, push_taken_t *taken)
{
    for (int i = 0; rules && i < rules->nelts; i++) {
        const push_rule_t *rule = nth(rules, i);

        if (push_expression_true(t->stage, t->scratch, rule->when, event)) {
            queue(t, rule, event, taken);
        }
        apr_pool_clear(t->scratch);
    }
}

static void begin(taking_t *t, push_triggers_t *triggers, apr_pool_t *pool)
{
    *t = (taking_t){.triggers = triggers, .pool = pool};
    apr_pool_create(&t->scratch, pool);
    t->stage = push_expression_stage(pool, triggers->server);
    t->begun = apr_array_make(pool, 4, sizeof(begun_t));
}

static void end(taking_t *t)
{
    settle(t);
    apr_pool_destroy(t->scratch);
}

bool push_triggers_take(push_triggers_t *triggers, apr_pool_t *pool,
                        const push_trigger_event_t *events, unsigned count,
                        push_taken_t *taken)
{
    bool good = true;
    taking_t t;

    begin(&t, triggers, pool);
    for (unsigned i = 0; i < count; i++) {
        taken[i] = (push_taken_t){.status = PUSH_OK};
        match(&t, named(triggers, events[i].type), &events[i], &taken[i]);
        if (!is_own(events[i].type)) {
            match(&t, triggers->any, &events[i], &taken[i]);
        }
    }
    end(&t);
    for (unsigned i = 0; i < count; i++) {
        good = good && taken[i].status == PUSH_OK;
    }
    return good;
}

push_status_t push_triggers_queue(push_triggers_t *triggers, apr_pool_t *pool,
                                  const push_rule_t *rule,
                                  const push_trigger_event_t *event)
{
    push_taken_t taken = {.status = PUSH_OK};
    taking_t t;

    begin(&t, triggers, pool);
    queue(&t, rule, event, &taken);
    end(&t);
    return taken.status;
}
