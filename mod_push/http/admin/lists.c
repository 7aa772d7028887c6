#include "http/admin/lists.h"

#include "broker/whole.h"
#include "core/families.h"
#include "http/admin/query.h"
#include "http/json.h"
#include "http/runtime.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

typedef struct {
    json_t *body;
    json_t *list;
} list_t;

static void add_nodes(void *data, const push_nodes_asked_t *nodes)
{
    json_object_set_new(((list_t *)data)->body, "nodes",
                        push_whole_nodes(nodes));
}

/* Asks for the list under this name, and answers with it. */
static int answer(request_rec *r, const char *name, push_view_t what,
                  push_visitor_t visitor)
{
    push_broker_t *broker = push_broker();
    list_t list = {json_object(), json_array()};
    bool more = false;
    const push_problem_t *problem;

    visitor.nodes = add_nodes;
    visitor.data = &list;
    what.list.more = &more;
    what.now = push_clock_now();
    problem = push_query_nodes_found(r->pool, what.of,
                                     broker->view(broker, &what, &visitor));
    json_object_set_new(list.body, name, list.list);
    if (what.kind != PUSH_VIEW_REACTORS) {
        json_object_set_new(list.body, "more", json_boolean(more));
    }
    if (!problem) {
        return push_json_send(r, "application/json", list.body);
    }
    json_decref(list.body);
    return push_problem_send(r, problem);
}

/* ---- channels ---- */

static const push_order_word_t channel_orders[] = {
    {"name", PUSH_ORDER_NAME},
    {"messages", PUSH_ORDER_MESSAGES},
    {"subscribers", PUSH_ORDER_SUBSCRIBERS},
    {"connected", PUSH_ORDER_CONNECTED}};

static void add_channel(void *data, const push_channel_view_t *view)
{
    json_array_append_new(((list_t *)data)->list,
                          json_pack("{s:o, s:I, s:I, s:I}", "channel",
                                    push_json_text(view->name), "messages",
                                    (json_int_t)view->messages, "subscribers",
                                    (json_int_t)view->subscribers, "connected",
                                    (json_int_t)view->connected));
}

int push_show_channels(request_rec *r, const char *none)
{
    static const push_list_rules_t rules = {
        .orders = channel_orders,
        .orders_count = COUNT(channel_orders),
        .limit = 100,
        .most = 1000,
        .has_prefix = true};
    push_view_t what = {.kind = PUSH_VIEW_CHANNELS};
    const push_problem_t *problem = push_query_list(r, &rules, &what);

    (void)none;
    return problem ? push_problem_send(r, problem)
                   : answer(r, "channels", what,
                            (push_visitor_t){.channel = add_channel});
}

/* ---- streams ---- */

static const push_order_word_t stream_orders[] = {
    {"blocked", PUSH_ORDER_BLOCKED}, {"pending", PUSH_ORDER_PENDING}};

static void add_stream(void *data, const push_stream_view_t *view)
{
    const push_label_names_t *transports =
        push_family(PUSH_FAMILY_OPENED)->labels[0];
    char id[PUSH_CONTEXT_CHARS];
    json_t *stream;

    push_context_write(view->id, id);
    stream = json_pack("{s:o, s:s%, s:o, s:s, s:I, s:I, s:I, s:I}", "user",
                       push_json_text(view->user), "device", id, sizeof(id),
                       "label", push_json_text(view->label), "transport",
                       transports->values[view->transport % transports->count],
                       "since", (json_int_t)view->since, "blocked_ms",
                       (json_int_t)view->blocked, "pending",
                       (json_int_t)view->pending, "in_flight",
                       (json_int_t)view->in_flight);
    if (view->node) {
        json_object_set_new(stream, "node", json_integer(view->node - 1));
    }
    json_array_append_new(((list_t *)data)->list, stream);
}

int push_show_streams(request_rec *r, const char *none)
{
    static const push_list_rules_t rules = {
        .orders = stream_orders,
        .orders_count = COUNT(stream_orders),
        .limit = 20,
        .most = 200};
    push_view_t what = {.kind = PUSH_VIEW_STREAMS};
    const push_problem_t *problem = push_query_list(r, &rules, &what);

    (void)none;
    return problem ? push_problem_send(r, problem)
                   : answer(r, "streams", what,
                            (push_visitor_t){.stream = add_stream});
}

/* ---- children ---- */

static void add_reactor(void *data, const push_reactor_view_t *view)
{
    push_time_t now = push_clock_now();

    json_array_append_new(((list_t *)data)->list,
                          push_whole_child(view, &now));
}

int push_show_children(request_rec *r, const char *none)
{
    (void)none;
    return answer(r, "children", (push_view_t){.kind = PUSH_VIEW_REACTORS},
                  (push_visitor_t){.reactor = add_reactor});
}
