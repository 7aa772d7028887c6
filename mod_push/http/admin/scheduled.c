#include "http/admin/scheduled.h"

#include <apr_strings.h>
#include <string.h>

#include "core/where.h"
#include "http/admin/query.h"
#include "http/json.h"
#include "http/runtime.h"

static json_t *mid_json(uint64_t mid)
{
    char text[PUSH_MID_CHARS];

    push_mid_write(mid, text);
    return json_stringn(text, sizeof(text));
}

static void set_text(json_t *object, const char *name, push_text_t text)
{
    if (text.len) {
        json_object_set_new(object, name, push_json_text(text));
    }
}

static void set_audience(json_t *object, const push_publication_t *publication)
{
    const push_audience_t *audience = &publication->audience;

    switch (audience->kind) {
    case PUSH_LOG_USER:
        set_text(object, "user", audience->name);
        break;
    case PUSH_LOG_CHANNEL:
        set_text(object, "channel", audience->name);
        break;
    default:
        json_object_set_new(object, "broadcast", json_true());
        break;
    }
    set_text(object, "device", publication->spec.device);
}

static void set_where(json_t *object, push_text_t where)
{
    char text[PUSH_WHERE_TEXT_MAX];

    set_text(object, "where",
             (push_text_t){text, (uint32_t)push_where_write(where, text)});
}

/* Payloads are never shown. */
static json_t *later_json(const push_later_view_t *view)
{
    const push_message_spec_t *spec = &view->publication.spec;
    json_t *later = json_pack("{s:o, s:s, s:I}", "id", mid_json(view->id),
                              "state", push_later_name(view->state), "at",
                              (json_int_t)view->at);

    if (view->state == PUSH_LATER_PUBLISHED) {
        json_object_set_new(later, "message", mid_json(view->message));
    }
    if (view->state != PUSH_LATER_KEPT) {
        return later;
    }
    set_audience(later, &view->publication);
    set_where(later, spec->where);
    set_text(later, "topic", spec->topic);
    set_text(later, "event", spec->content.event);
    json_object_set_new(later, "urgency",
                        json_string(push_urgency_name(spec->urgency)));
    json_object_set_new(later, "ttl", json_integer(spec->ttl / 1000));
    json_object_set_new(later, "size", json_integer(view->size));
    return later;
}

/* ---- the list ---- */

static void add_later(void *data, const push_later_view_t *view)
{
    json_array_append_new(data, later_json(view));
}

int push_show_scheduled(request_rec *r, const char *none)
{
    static const push_order_word_t orders[] = {{"at", PUSH_ORDER_TIME}};
    static const push_list_rules_t rules = {.orders = orders,
                                            .orders_count = 1,
                                            .limit = 100,
                                            .most = 1000,
                                            .has_prefix = true};
    push_broker_t *broker = push_broker();
    push_view_t what = {.kind = PUSH_VIEW_LATERS};
    const push_problem_t *problem = push_query_list(r, &rules, &what);
    json_t *list = json_array();
    const push_visitor_t visitor = {.later = add_later, .data = list};
    bool more = false;

    (void)none;
    what.list.more = &more;
    if (!problem) {
        problem = push_query_nodes_found(
            r->pool, what.of, broker->view(broker, &what, &visitor));
    }
    if (problem) {
        json_decref(list);
        return push_problem_send(r, problem);
    }
    return push_json_send(r, "application/json",
                          json_pack("{s:o, s:b}", "scheduled", list, "more",
                                    (int)more));
}

/* ---- one ---- */

typedef struct {
    json_t *body;
    uint64_t message; /* it was published as */
} found_t;

static void take_later(void *data, const push_later_view_t *view)
{
    found_t *found = data;

    found->body = later_json(view);
    found->message = view->message;
}

/* Beside ours, below the same base. */
static void set_location(request_rec *r, uint64_t mid)
{
    char text[PUSH_MID_CHARS + 1] = {0};

    push_mid_write(mid, text);
    apr_table_setn(r->headers_out, "Location",
                   apr_pstrcat(r->pool, "../messages/", text,
                               r->args ? "?" : NULL, r->args, NULL));
}

int push_show_later(request_rec *r, const char *id)
{
    push_broker_t *broker = push_broker();
    push_view_t what = {.kind = PUSH_VIEW_LATER, .now = push_clock_now()};
    const push_problem_t *problem = push_query_message(r, id, &what.message);
    found_t found = {NULL, 0};
    const push_visitor_t visitor = {.later = take_later, .data = &found};

    if (!problem) {
        problem = push_problem_of_status(r->pool, broker->view(broker, &what,
                                                               &visitor));
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    if (found.message) {
        r->status = HTTP_SEE_OTHER;
        set_location(r, found.message);
    }
    return push_json_send(r, "application/json", found.body);
}

int push_recall_later(request_rec *r, const char *id)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();
    push_sought_t sought;
    const push_problem_t *problem = push_query_message(r, id, &sought);
    uint32_t none = 0;

    sought.later = true;
    if (!problem) {
        problem = push_problem_of_status(
            r->pool, broker->recall(broker, &sought, &now, &none));
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    return push_json_send(r, "application/json",
                          json_pack("{s:o, s:s}", "id", mid_json(sought.mid),
                                    "state",
                                    push_later_name(PUSH_LATER_RECALLED)));
}
