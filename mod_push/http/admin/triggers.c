#include "http/admin/triggers.h"

#include <apr_strings.h>

#include "http/json.h"
#include "http/publish/inject.h"
#include "http/runtime.h"
#include "triggers/errand.h"
#include "triggers/run/dead.h"
#include "triggers/figures.h"
#include "triggers/run/inlet.h"
#include "triggers/triggers.h"

static void set(json_t *body, const char *name, json_t *value)
{
    json_object_set_new(body, name, value);
}

static void set_number(json_t *body, const char *name, uint64_t number)
{
    set(body, name, json_integer((json_int_t)number));
}

/* ---- how they stand ---- */

static json_t *requests_json(const push_trigger_figures_t *figures)
{
    json_t *requests = json_object();

    for (unsigned i = 0; i < PUSH_TRIGGER_CODES; i++) {
        set_number(requests, push_trigger_code_name(i),
                   atomic_load(&figures->requests[i]));
    }
    return requests;
}

static json_t *error_json(const push_trigger_figures_t *figures)
{
    char error[PUSH_TRIGGER_ERROR];

    if (!push_trigger_error(figures, error)) {
        return json_null();
    }
    return json_pack("{s:o, s:I}", "text", push_json_text(push_text_of(error)),
                     "at", (json_int_t)atomic_load(&figures->error_at));
}

/* What waits is asked for; the rest this machine has counted. */
static push_status_t add_trigger(json_t *list, const push_rule_t *rule,
                                 const push_trigger_figures_t *figures)
{
    push_inlet_view_t view;
    push_status_t status = push_inlet_read_view(push_broker(), rule->user,
                                                &view);
    json_t *trigger = json_object();

    set(trigger, "trigger", json_string(rule->name));
    set(trigger, "taken", json_boolean(view.online));
    set_number(trigger, "child", (uint64_t)atomic_load(&figures->owner));
    set_number(trigger, "waiting", view.waiting);
    set_number(trigger, "oldest", (uint64_t)atomic_load(&figures->oldest));
    set_number(trigger, "running", atomic_load(&figures->running));
    set(trigger, "requests", requests_json(figures));
    set_number(trigger, "matched", atomic_load(&figures->matched));
    set_number(trigger, "refused", atomic_load(&figures->refused));
    set_number(trigger, "published", atomic_load(&figures->published));
    set_number(trigger, "unchanged", atomic_load(&figures->unchanged));
    set_number(trigger, "retries", atomic_load(&figures->retries));
    set_number(trigger, "dead", atomic_load(&figures->dead));
    set(trigger, "error", error_json(figures));
    json_array_append_new(list, trigger);
    return status;
}

static const push_rule_t *rule_at(unsigned index)
{
    const push_triggers_t *triggers = push_runtime()->triggers;

    return triggers && push_runtime()->trigger_figures
               ? push_triggers_rule(triggers, index)
               : NULL;
}

int push_show_triggers(request_rec *r, const char *none)
{
    json_t *list = json_array();
    push_status_t status = PUSH_OK;

    (void)none;
    for (unsigned i = 0; status == PUSH_OK && rule_at(i); i++) {
        status = add_trigger(list, rule_at(i),
                             &push_runtime()->trigger_figures[i]);
    }
    if (status != PUSH_OK) {
        json_decref(list);
        return push_problem_send(r, push_problem_of_status(r->pool, status));
    }
    return push_json_send(r, "application/json",
                          json_pack("{s:o}", "triggers", list));
}

/* ---- dead letters ---- */

typedef struct {
    const push_rule_t *rule;
    apr_array_header_t *letters; /* push_dead_t */
    bool more;
} dead_t;

/* Of all letters the one with this id alone. */
static const push_problem_t *pick(request_rec *r, const char *id, dead_t *dead)
{
    apr_array_header_t *all = dead->letters;
    uint64_t mid;

    if (!push_mid_parse(id, strlen(id), &mid)) {
        return push_problem(r->pool, 400, "bad-parameter",
                            "id: the id of a dead letter, of %u characters",
                            PUSH_MID_CHARS);
    }
    dead->letters = apr_array_make(r->pool, 1, sizeof(push_dead_t));
    dead->more = false;
    for (int i = 0; i < all->nelts; i++) {
        if (APR_ARRAY_IDX(all, i, push_dead_t).mid == mid) {
            APR_ARRAY_PUSH(dead->letters,
                           push_dead_t) = APR_ARRAY_IDX(all, i, push_dead_t);
        }
    }
    return dead->letters->nelts
               ? NULL
               : push_problem(r->pool, 404, "not-found",
                              "id: no dead letter of the trigger has it");
}

/* All of them, or the one that the query names by `id`. */
static const push_problem_t *read_dead(request_rec *r, const char *name,
                                       dead_t *dead)
{
    const push_triggers_t *triggers = push_runtime()->triggers;
    const push_problem_t *problem;
    push_params_t params;
    const char *id = NULL;

    dead->rule = triggers ? push_triggers_find(triggers, name) : NULL;
    if (!dead->rule) {
        return push_problem(r->pool, 404, "not-found",
                            "trigger: there is none of this name");
    }
    problem = push_params_parse(r, &params)
                  ?: push_params_one(&params, "id", &id)
                  ?: push_problem_of_status(
                      r->pool,
                      push_dead_read(r->pool, push_broker(), dead->rule,
                                     &dead->letters, &dead->more));
    return problem || !id ? problem : pick(r, id, dead);
}

static json_t *letter_json(const push_dead_t *letter)
{
    json_t *event = json_loadb(letter->data.at, letter->data.len, 0, NULL);
    char mid[PUSH_MID_CHARS];

    push_mid_write(letter->mid, mid);
    return json_pack("{s:s%, s:I, s:o}", "id", mid, sizeof(mid), "since",
                     (json_int_t)push_mid_ms(letter->mid), "event",
                     event ? event : json_null());
}

int push_show_dead(request_rec *r, const char *name)
{
    dead_t dead;
    const push_problem_t *problem = read_dead(r, name, &dead);
    json_t *list;

    if (problem) {
        return push_problem_send(r, problem);
    }
    list = json_array();
    for (int i = 0; i < dead.letters->nelts; i++) {
        json_array_append_new(
            list, letter_json(&APR_ARRAY_IDX(dead.letters, i, push_dead_t)));
    }
    return push_json_send(r, "application/json",
                          json_pack("{s:o, s:b}", "dead", list, "more",
                                    dead.more));
}

static int answer_count(request_rec *r, const char *word, uint32_t count,
                        bool more)
{
    return push_json_send(r, "application/json",
                          json_pack("{s:I, s:b}", word, (json_int_t)count,
                                    "more", more));
}

/* One that is forgotten already is so, too. */
static bool is_gone(push_status_t status)
{
    return status == PUSH_OK || status == PUSH_NOT_FOUND
           || status == PUSH_OVER;
}

int push_forget_dead(request_rec *r, const char *name)
{
    dead_t dead;
    const push_problem_t *problem = read_dead(r, name, &dead);
    uint32_t count = 0;

    for (int i = 0; !problem && i < dead.letters->nelts; i++) {
        push_status_t status = push_dead_forget(
            r->pool, push_broker(), dead.rule,
            APR_ARRAY_IDX(dead.letters, i, push_dead_t).mid);

        problem = is_gone(status) ? NULL
                                  : push_problem_of_status(r->pool, status);
        count += !problem;
    }
    return problem ? push_problem_send(r, problem)
                   : answer_count(r, "forgotten", count, dead.more);
}

static void prepare_retry(request_rec *r, const dead_t *dead,
                          const push_dead_t *letter, push_injected_t *message)
{
    const char *payload = push_dead_revive(r->pool, dead->rule, letter->data);
    char mid[PUSH_MID_CHARS + 1] = "";

    push_mid_write(letter->mid, mid);
    memset(message, 0, sizeof(*message));
    message->asked = (push_publication_t){
        .audience = {.kind = PUSH_LOG_USER,
                     .name = push_text_of(dead->rule->user)},
        .spec = {.content = {.type = push_text_of(PUSH_ERRAND_TYPE),
                             .data = push_text_of(payload ? payload : "{}")},
                 .urgency = dead->rule->message.urgency,
                 .ttl = dead->rule->age + PUSH_RULE_GRACE},
        /* Of two that ask for the same at once, one is served. */
        .key = push_text_of(apr_pstrcat(r->pool, "again:", mid, NULL))};
}

int push_retry_dead(request_rec *r, const char *name)
{
    const push_injector_t injector = {.broker = push_broker(),
                                      .settings = push_settings(r),
                                      .pool = r->pool};
    dead_t dead;
    const push_problem_t *problem = read_dead(r, name, &dead);
    push_injected_t *messages;
    uint32_t count = 0;

    if (problem) {
        return push_problem_send(r, problem);
    }
    messages = apr_palloc(r->pool, (apr_size_t)(dead.letters->nelts + 1)
                                       * sizeof(*messages));
    for (int i = 0; i < dead.letters->nelts; i++) {
        prepare_retry(r, &dead, &APR_ARRAY_IDX(dead.letters, i, push_dead_t),
                      &messages[i]);
    }
    push_inject(&injector, messages, (size_t)dead.letters->nelts);
    for (int i = 0; i < dead.letters->nelts; i++) {
        if (!messages[i].problem) {
            push_dead_forget(r->pool, push_broker(), dead.rule,
                             APR_ARRAY_IDX(dead.letters, i, push_dead_t).mid);
            count++;
        }
        problem = problem ? problem : messages[i].problem;
    }
    return problem ? push_problem_send(r, problem)
                   : answer_count(r, "queued", count, dead.more);
}
