#include "http/admin/query.h"

#include <apr_strings.h>

#include "core/ids.h"

/* NULL: the query has none. */
static const push_problem_t *find_user(request_rec *r, const char **name)
{
    push_params_t params;

    return push_params_parse(r, &params)
               ?: push_params_one(&params, "user", name);
}

static const push_problem_t *take_user(request_rec *r, const char *name,
                                       push_text_t *user)
{
    *user = push_text_of(name);
    return push_name_valid(*user)
               ? NULL
               : push_problem(r->pool, 400, "bad-parameter",
                              "user: 1-255 bytes of UTF-8 without controls");
}

const push_problem_t *push_query_user(request_rec *r, const char *part,
                                      push_text_t *user)
{
    const char *name = part;
    const push_problem_t *problem = name ? NULL : find_user(r, &name);

    return problem ? problem : take_user(r, name, user);
}

const push_problem_t *push_query_device(request_rec *r, push_view_t *what)
{
    push_params_t params;
    const char *name = NULL;
    const push_problem_t *problem = push_params_parse(r, &params)
                                        ?: push_params_one(&params, "user",
                                                           &name)
                                        ?: push_query_nodes(&params,
                                                            &what->of);

    what->user = (push_text_t){NULL, 0};
    return problem || !name ? problem : take_user(r, name, &what->user);
}

/* ---- a message, and whom it was for ---- */

static const push_problem_t *take_audience(const push_params_t *params,
                                           const char *name,
                                           push_log_kind_t kind,
                                           push_sought_t *sought)
{
    const char *text = NULL;
    const push_problem_t *problem = push_params_one(params, name, &text);

    if (problem || !text) {
        return problem;
    }
    if (sought->addressed) {
        return push_problem(params->pool, 400, "bad-parameter",
                            "%s: one of user, channel and broadcast says for "
                            "whom the message is",
                            name);
    }
    sought->addressed = true;
    sought->audience = (push_audience_t){.kind = kind};
    if (kind == PUSH_LOG_BROADCAST) {
        return strcmp(text, "1")
                   ? push_problem(params->pool, 400, "bad-parameter",
                                  "broadcast: 1")
                   : NULL;
    }
    sought->audience.name = push_text_of(text);
    return push_name_valid(sought->audience.name)
               ? NULL
               : push_problem(params->pool, 400, "bad-parameter",
                              "%s: 1-255 bytes of UTF-8 without controls",
                              name);
}

static const push_problem_t *take_device(const push_params_t *params,
                                         push_sought_t *sought)
{
    const char *text = NULL;
    const push_problem_t *problem = push_params_one(params, "device", &text);

    if (problem || !text) {
        return problem;
    }
    if (!sought->addressed || sought->audience.kind != PUSH_LOG_USER) {
        return push_problem(params->pool, 400, "bad-parameter",
                            "device: goes with user only");
    }
    sought->device = push_text_of(text);
    return push_device_valid(text, strlen(text))
               ? NULL
               : push_problem(params->pool, 400, "bad-parameter",
                              "device: 1-128 of A-Z a-z 0-9 . _ ~ -");
}

const push_problem_t *push_query_channel(const push_params_t *params,
                                         push_sought_t *sought)
{
    return take_audience(params, "channel", PUSH_LOG_CHANNEL, sought)
               ?: take_audience(params, "broadcast", PUSH_LOG_BROADCAST,
                                sought);
}

const push_problem_t *push_query_message(request_rec *r, const char *part,
                                         push_sought_t *sought)
{
    push_params_t params;

    *sought = (push_sought_t){0};
    if (!push_mid_parse(part, strlen(part), &sought->mid)) {
        return push_problem_of_status(r->pool, PUSH_NOT_FOUND);
    }
    return push_params_parse(r, &params)
        ?: take_audience(&params, "user", PUSH_LOG_USER, sought)
        ?: push_query_channel(&params, sought)
        ?: take_device(&params, sought);
}

const push_problem_t *push_query_log(request_rec *r, push_sought_t *sought)
{
    push_params_t params;

    *sought = (push_sought_t){0};
    return push_params_parse(r, &params)
        ?: take_audience(&params, "user", PUSH_LOG_USER, sought)
        ?: push_query_channel(&params, sought);
}

/* ---- a list ---- */

static const push_problem_t *parse_limit(const push_params_t *params,
                                         const push_list_rules_t *rules,
                                         push_list_t *list)
{
    const char *text = NULL;
    uint64_t limit = rules->limit;
    const push_problem_t *problem = push_params_one(params, "limit", &text);

    if (!problem && text
        && (!push_number_parse(text, strlen(text), &limit) || !limit
            || limit > rules->most)) {
        problem = push_problem(params->pool, 400, "bad-parameter",
                               "limit: a number from 1 to %u", rules->most);
    }
    list->limit = (uint32_t)limit;
    return problem;
}

/* "name, messages or connected" */
static const char *words_of(apr_pool_t *pool, const push_list_rules_t *rules)
{
    const char *words = rules->orders[0].word;

    for (unsigned i = 1; i < rules->orders_count; i++) {
        words = apr_pstrcat(pool, words,
                            i + 1 == rules->orders_count ? " or " : ", ",
                            rules->orders[i].word, NULL);
    }
    return words;
}

static const push_problem_t *parse_sort(const push_params_t *params,
                                        const push_list_rules_t *rules,
                                        push_list_t *list)
{
    const char *word = NULL;
    const push_problem_t *problem = push_params_one(params, "sort", &word);

    list->order = rules->orders[0].order;
    if (problem || !word) {
        return problem;
    }
    for (unsigned i = 0; i < rules->orders_count; i++) {
        if (!strcmp(word, rules->orders[i].word)) {
            list->order = rules->orders[i].order;
            return NULL;
        }
    }
    return push_problem(params->pool, 400, "bad-parameter", "sort: %s",
                        words_of(params->pool, rules));
}

static const push_problem_t *parse_prefix(const push_params_t *params,
                                          const push_list_rules_t *rules,
                                          push_list_t *list)
{
    const char *prefix = NULL;
    const push_problem_t *problem = NULL;

    if (rules->has_prefix) {
        problem = push_params_one(params, "prefix", &prefix);
    }
    list->prefix = push_text_of(prefix);
    return problem;
}

const push_problem_t *push_query_nodes(const push_params_t *params,
                                       unsigned *of)
{
    const char *text = NULL;
    const push_problem_t *problem = push_params_one(params, "node", &text);
    uint64_t number;

    *of = PUSH_OF_ALL;
    if (problem || !text) {
        return problem;
    }
    if (!strcmp(text, "self")) {
        *of = PUSH_OF_SELF;
        return NULL;
    }
    if (!push_number_parse(text, strlen(text), &number)
        || number >= PUSH_NODES_MAX) {
        return push_problem(params->pool, 400, "bad-parameter",
                            "node: self, or the number of a node, 0 to %u",
                            PUSH_NODES_MAX - 1);
    }
    *of = PUSH_OF_NODE((unsigned)number);
    return NULL;
}

const push_problem_t *push_query_nodes_found(apr_pool_t *pool, unsigned of,
                                             push_status_t status)
{
    return status == PUSH_NOT_FOUND && of != PUSH_OF_ALL
               ? push_problem(pool, 404, "not-found",
                              "node: no node has the number %u now",
                              of - PUSH_OF_NODE(0))
               : push_problem_of_status(pool, status);
}

const push_problem_t *push_query_list(request_rec *r,
                                      const push_list_rules_t *rules,
                                      push_view_t *what)
{
    push_params_t params;

    return push_params_parse(r, &params)
        ?: parse_limit(&params, rules, &what->list)
        ?: parse_sort(&params, rules, &what->list)
        ?: parse_prefix(&params, rules, &what->list)
        ?: push_query_nodes(&params, &what->of);
}
