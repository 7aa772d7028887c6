#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core_suite.h"
#include "triggers/errand.h"
#include "triggers/expression.h"
#include "triggers/triggers.h"

/*
 * From an event to the queues of the rules that match.  Expressions are
 * httpd's; here one is the name of a member, and true if the event has it.
 * The broker is one that writes down what it is asked.
 */

struct push_expression_stage_t {
    int nothing;
};

static unsigned evaluated;

push_expression_stage_t *push_expression_stage(apr_pool_t *of,
                                               server_rec *server)
{
    (void)server;
    return apr_pcalloc(of, sizeof(push_expression_stage_t));
}

bool push_expression_true(push_expression_stage_t *stage, apr_pool_t *of,
                          const ap_expr_info_t *expression,
                          const push_trigger_event_t *event)
{
    (void)stage;
    evaluated++;
    return push_trigger_event_at(event, of, (const char *)expression) != NULL;
}

/* ---- the broker ---- */

#define ROOM 32

static struct {
    char user[80], key[80], topic[40];
    char data[2048];
    push_urgency_t urgency;
    int64_t ttl;
    uint32_t trace;
} published[ROOM];

static unsigned count, settled;
static push_status_t publish_gives[ROOM], settle_gives;
static apr_pool_t *pool;
static push_trigger_figures_t figures[2];

static void copy(char *to, size_t room, push_text_t text)
{
    ck_assert_uint_lt(text.len, room);
    memcpy(to, text.len ? text.at : "", text.len);
    to[text.len] = '\0';
}

static push_status_t publish(push_broker_t *broker, push_publication_t *asked,
                             push_commit_t *commit, push_answer_t *answer)
{
    push_status_t status = publish_gives[count];

    (void)broker;
    commit->lot++;
    answer->receipt.mid = count + 1;
    ck_assert_int_eq(asked->audience.kind, PUSH_LOG_USER);
    copy(published[count].user, 80, asked->audience.name);
    copy(published[count].key, 80, asked->key);
    copy(published[count].topic, 40, asked->spec.topic);
    copy(published[count].data, 2048, asked->spec.content.data);
    published[count].urgency = asked->spec.urgency;
    published[count].ttl = asked->spec.ttl;
    published[count].trace = asked->spec.content.trace.len;
    count++;
    return status;
}

static push_status_t settle(push_broker_t *broker, push_commit_t *commit,
                            push_answer_t *answer)
{
    (void)broker;
    ck_assert_uint_gt(commit->lot, 0);
    ck_assert_uint_gt(answer->receipt.mid, 0);
    settled++;
    return settle_gives;
}

static push_broker_t broker = {.publish = publish, .settle = settle};

static void begin(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    count = settled = evaluated = 0;
    settle_gives = PUSH_OK;
    memset(publish_gives, 0, sizeof(publish_gives));
    memset(figures, 0, sizeof(figures));
}

static void end(void)
{
    apr_pool_destroy(pool);
    apr_terminate();
}

/* ---- rules and events ---- */

static const char *const types[] = {"trip", "trip", "order"};

static push_template_t *template_of(const char *text)
{
    const char *error;
    push_template_t *made = push_template_make(pool, text, false, &error);

    ck_assert_ptr_nonnull(made);
    return made;
}

/* Matches what has this member; of so many types of the table, 0: any. */
static push_rule_t *rule_of(const char *name, const char *member,
                            unsigned types_count)
{
    push_rule_t *rule = apr_pcalloc(pool, sizeof(*rule));

    rule->name = name;
    rule->user = apr_pstrcat(pool, PUSH_TRIGGER_PREFIX, name, NULL);
    rule->when = (const ap_expr_info_t *)(const void *)member;
    rule->types = types;
    rule->types_count = types_count;
    rule->message.urgency = PUSH_LOW;
    rule->age = 5000;
    return rule;
}

static void add_target(push_rule_t *rule, push_log_kind_t kind,
                       const char *name, const char *device)
{
    push_rule_target_t *target = &rule->targets[rule->targets_count++];

    target->kind = kind;
    target->name = name ? template_of(name) : NULL;
    target->device = device ? template_of(device) : NULL;
}

static push_triggers_t *triggers_of(push_rule_t *one, push_rule_t *other)
{
    apr_array_header_t *rules = apr_array_make(pool, 2, sizeof(one));

    APR_ARRAY_PUSH(rules, push_rule_t *) = one;
    if (other) {
        APR_ARRAY_PUSH(rules, push_rule_t *) = other;
        other->index = 1;
    }
    return push_triggers_create(pool, NULL, rules, figures, &broker);
}

static push_trigger_event_t event_of(const char *type, const char *id,
                                     const char *data)
{
    push_trigger_event_t event;
    json_t *object = json_pack("{ss ss ss ss so}", "specversion", "1.0",
                               "type", type, "source", "/s", "id", id, "data",
                               json_loads(data, JSON_DECODE_ANY, NULL));

    ck_assert_ptr_null(push_trigger_event_init(pool, object, 1, &event));
    return event;
}

/* Takes one event; how many rules matched. */
static unsigned take(push_triggers_t *triggers, const char *type,
                     const char *id, const char *data)
{
    push_trigger_event_t event = event_of(type, id, data);
    push_taken_t taken;

    ck_assert(push_triggers_take(triggers, pool, &event, 1, &taken));
    ck_assert_int_eq(taken.status, PUSH_OK);
    push_trigger_event_cleanup(&event);
    return taken.matched;
}

/* A value in the payload of a message. */
static const char *in_payload(unsigned which, const char *path)
{
    const char *text = published[which].data;
    push_trigger_event_t event;
    push_errand_t errand;
    const char *value;

    ck_assert(push_errand_read(
        pool, (push_text_t){text, (uint32_t)strlen(text)}, &event, &errand));
    value = push_trigger_event_at(&event, pool, path);
    value = value ? apr_pstrdup(pool, value) : NULL;
    push_trigger_event_cleanup(&event);
    return value;
}

START_TEST(a_match_is_a_message_of_the_rules_queue)
{
    push_rule_t *rule = rule_of("r", "data.rider", 0);
    push_triggers_t *triggers = triggers_of(rule, NULL);

    add_target(rule, PUSH_LOG_USER, "%{event:data.rider}", NULL);
    add_target(rule, PUSH_LOG_USER, "%{event:data.driver}", "phone");
    add_target(rule, PUSH_LOG_CHANNEL, "city.%{event:data.city}", NULL);
    add_target(rule, PUSH_LOG_BROADCAST, NULL, NULL);
    ck_assert_uint_eq(take(triggers, "trip", "1",
                           "{\"rider\":\"ada\",\"driver\":\"bob\"}"),
                      1);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(settled, 1);
    ck_assert_str_eq(published[0].user, "$trigger/r");
    ck_assert_int_eq(published[0].urgency, PUSH_LOW);
    ck_assert_int_eq(published[0].ttl, 5000 + PUSH_RULE_GRACE);
    ck_assert_uint_eq(figures[0].matched, 1);
    ck_assert_str_eq(published[0].topic, "");
    ck_assert_str_eq(in_payload(0, "push.to"),
                     "[{\"user\":\"ada\"},{\"user\":\"bob\",\"device\":"
                     "\"phone\"},{\"broadcast\":true}]");
    ck_assert_str_eq(in_payload(0, "push.rule"), "r");
    ck_assert_str_eq(in_payload(0, "push.attempt"), "0");
    ck_assert_str_eq(in_payload(0, "data.rider"), "ada");
    ck_assert_uint_eq(take(triggers, "trip", "2", "{}"), 0);
    ck_assert_uint_eq(count, 1);
}
END_TEST

static const char *const no_names[] = {
    "{\"to\":\"\"}",          "{\"to\":\"$trigger/x\"}",
    "{\"to\":\"$presence\"}", "{\"to\":\"a\\u0007b\"}",
    "{\"to\":null}",          "{}",
};

START_TEST(what_is_no_name_is_nobody)
{
    push_rule_t *rule = rule_of("r", "type", 0);
    push_triggers_t *triggers = triggers_of(rule, NULL);

    add_target(rule, PUSH_LOG_USER, "%{event:data.to}", NULL);
    ck_assert_uint_eq(take(triggers, "trip", "1", no_names[_i]), 0);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(a_target_that_is_named_twice_is_one)
{
    push_rule_t *rule = rule_of("r", "type", 0);
    push_triggers_t *triggers = triggers_of(rule, NULL);

    add_target(rule, PUSH_LOG_USER, "%{event:data.a}", NULL);
    add_target(rule, PUSH_LOG_USER, "%{event:data.b}", NULL);
    take(triggers, "trip", "1", "{\"a\":\"x\",\"b\":\"x\"}");
    ck_assert_str_eq(in_payload(0, "push.to"), "[{\"user\":\"x\"}]");
}
END_TEST

START_TEST(rules_of_other_types_are_not_evaluated)
{
    push_triggers_t *triggers = triggers_of(rule_of("typed", "type", 3),
                                            rule_of("any", "data.x", 0));

    ck_assert_uint_eq(take(triggers, "pay", "1", "1"), 0);
    ck_assert_uint_eq(evaluated, 1);
    /* A type that its expression names twice counts once. */
    ck_assert_uint_eq(take(triggers, "trip", "2", "{\"x\":1}"), 2);
    ck_assert_uint_eq(take(triggers, "order", "3", "1"), 1);
    ck_assert_str_eq(published[0].user, "$trigger/typed");
    ck_assert_str_eq(published[1].user, "$trigger/any");
    ck_assert_str_eq(published[2].user, "$trigger/typed");
    ck_assert(push_triggers_want(triggers, (push_text_t){"pay", 3}));
    ck_assert_str_eq(push_triggers_find(triggers, "any")->name, "any");
    ck_assert_ptr_null(push_triggers_find(triggers, "an"));
    ck_assert_ptr_null(push_triggers_rule(triggers, 2));
    triggers = triggers_of(rule_of("typed", "type", 3), NULL);
    ck_assert(!push_triggers_want(triggers, (push_text_t){"pay", 3}));
    ck_assert(push_triggers_want(triggers, (push_text_t){"order", 5}));
}
END_TEST

START_TEST(source_and_id_make_the_key_and_nothing_else)
{
    push_triggers_t *triggers = triggers_of(rule_of("r", "type", 0), NULL);

    take(triggers, "trip", "1", "1");
    take(triggers, "order", "1", "2");
    take(triggers, "trip", "2", "1");
    ck_assert_uint_gt(strlen(published[0].key), 20);
    ck_assert_str_eq(published[0].key, published[1].key);
    ck_assert_str_ne(published[0].key, published[2].key);
}
END_TEST

START_TEST(what_coalesces_has_one_topic)
{
    push_rule_t *rule = rule_of("r", "type", 0);
    push_triggers_t *triggers = triggers_of(rule, NULL);

    rule->coalesce = template_of("%{event:data.trip}");
    take(triggers, "trip", "1", "{\"trip\":7}");
    take(triggers, "trip", "2", "{\"trip\":7}");
    take(triggers, "trip", "3", "{\"trip\":8}");
    take(triggers, "trip", "4", "{}");
    ck_assert_uint_eq(strlen(published[0].topic), 32);
    ck_assert_str_eq(published[0].topic, published[1].topic);
    ck_assert_str_ne(published[0].topic, published[2].topic);
    ck_assert_str_eq(published[3].topic, "");
}
END_TEST

/* What publish() and settle() give, and what the event has then. */
static const struct {
    push_status_t publish, settle, status;
} outcomes[] = {
    {PUSH_OK, PUSH_OK, PUSH_OK},
    {PUSH_OK, PUSH_NO_STATE, PUSH_NO_STATE},
    {PUSH_NO_MEMORY, PUSH_OK, PUSH_NO_MEMORY},
    {PUSH_MAILBOX_FULL, PUSH_OK, PUSH_MAILBOX_FULL},
    {PUSH_KEY_REUSED, PUSH_OK, PUSH_OK}, /* the same event in other words */
    {PUSH_OK, PUSH_KEY_REUSED, PUSH_OK},
};

START_TEST(an_event_is_as_safe_as_its_messages)
{
    push_triggers_t *triggers = triggers_of(rule_of("r", "type", 0),
                                            rule_of("s", "type", 0));
    push_trigger_event_t both[] = {event_of("trip", "1", "1"),
                                   event_of("trip", "2", "1")};
    push_taken_t taken[2];

    publish_gives[1] = outcomes[_i].publish;
    settle_gives = outcomes[_i].settle;
    ck_assert(push_triggers_take(triggers, pool, both, 2, taken)
              == (outcomes[_i].status == PUSH_OK));
    ck_assert_int_eq(taken[0].status, outcomes[_i].status);
    ck_assert_uint_eq(figures[0].refused + figures[1].refused,
                      outcomes[_i].status == PUSH_OK         ? 0
                      : outcomes[_i].settle == PUSH_NO_STATE ? 4
                                                             : 1);
    ck_assert_ptr_eq(taken[0].full, outcomes[_i].status == PUSH_MAILBOX_FULL
                                        ? push_triggers_rule(triggers, 1)
                                        : NULL);
    /* The other is another's. */
    ck_assert(taken[1].status == PUSH_OK || outcomes[_i].publish == PUSH_OK);
    ck_assert_uint_eq(count, 4);
    push_trigger_event_cleanup(&both[0]);
    push_trigger_event_cleanup(&both[1]);
}
END_TEST

START_TEST(a_key_that_one_before_it_holds_is_tried_again_behind_it)
{
    push_triggers_t *triggers = triggers_of(rule_of("r", "type", 0), NULL);
    push_trigger_event_t both[] = {event_of("trip", "1", "1"),
                                   event_of("trip", "1", "1")};
    push_taken_t taken[2];

    publish_gives[1] = PUSH_KEY_BUSY;
    ck_assert(push_triggers_take(triggers, pool, both, 2, taken));
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(settled, 2);
    push_trigger_event_cleanup(&both[0]);
    push_trigger_event_cleanup(&both[1]);
}
END_TEST

START_TEST(a_rule_is_given_an_event_of_its_own)
{
    push_rule_t *rule = rule_of("r", "nothing", 0);
    push_triggers_t *triggers = triggers_of(rule, NULL);
    push_trigger_event_t event = event_of("push.timer", "1", "1");

    ck_assert_int_eq(push_triggers_queue(triggers, pool, rule, &event),
                     PUSH_OK);
    ck_assert_uint_eq(evaluated, 0);
    ck_assert_str_eq(published[0].user, "$trigger/r");
    push_trigger_event_cleanup(&event);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("take");
    TCase *tc = unit_case(suite, "take", 20);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_match_is_a_message_of_the_rules_queue);
    tcase_add_row_test(tc, what_is_no_name_is_nobody, no_names);
    tcase_add_test(tc, a_target_that_is_named_twice_is_one);
    tcase_add_test(tc, rules_of_other_types_are_not_evaluated);
    tcase_add_test(tc, source_and_id_make_the_key_and_nothing_else);
    tcase_add_test(tc, what_coalesces_has_one_topic);
    tcase_add_row_test(tc, an_event_is_as_safe_as_its_messages, outcomes);
    tcase_add_test(tc,
                   a_key_that_one_before_it_holds_is_tried_again_behind_it);
    tcase_add_test(tc, a_rule_is_given_an_event_of_its_own);
    return unit_run(suite);
}
