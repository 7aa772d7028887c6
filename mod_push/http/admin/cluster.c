#include "http/admin/cluster.h"

#include <string.h>

#include "broker/broker.h"
#include "core/feed.h"
#include "http/json.h"
#include "http/runtime.h"

static const char *const words[] = {
#define WORD(name, word) word,
    PUSH_NODE_TABLE(WORD)
#undef WORD
};

#define NODE(owner)        ((json_int_t)((owner) >> 10))
#define INCARNATION(owner) ((json_int_t)((owner)&1023))

static json_t *text_json(const char *text)
{
    return push_json_text((push_text_t){text, (uint32_t)strlen(text)});
}

/* ms since then, by this machine's clock; null: never. */
static json_t *age_json(int64_t then, const push_time_t *now)
{
    return then ? json_integer(now->mono - then) : json_null();
}

static json_t *feeds_json(uint32_t feeds)
{
    json_t *names = json_array();

    for (unsigned i = 0; i < PUSH_FEEDS; i++) {
        if (feeds & PUSH_FEED_BIT(i)) {
            json_array_append_new(
                names, push_json_text(push_feed_channel((push_feed_t)i)));
        }
    }
    return names;
}

static json_t *node_json(const push_node_view_t *node, const push_time_t *now)
{
    json_t *object = json_pack("{s:I, s:I, s:b, s:o, s:o, s:o, s:o}", "id",
                               NODE(node->owner), "incarnation",
                               INCARNATION(node->owner), "self",
                               (int)node->self, "url", text_json(node->url),
                               "version", text_json(node->version), "age_ms",
                               age_json(node->renewed, now), "feeds",
                               feeds_json(node->feeds));

    for (int i = 0; i < PUSH_NODE_FIGURES; i++) {
        json_object_set_new(object, words[i],
                            json_integer((json_int_t)node->of[i]));
    }
    return object;
}

static json_t *master_json(const push_master_view_t *master,
                           const push_time_t *now)
{
    return json_pack(
        "{s:o, s:i, s:i, s:o, s:I}", "address", text_json(master->name),
        "partitions", (int)master->partitions, "suspect", (int)master->suspect,
        "drained_ms", age_json(master->drained, now), "ahead_ms",
        (json_int_t)(master->drained ? master->offset + now->mono - now->wall
                                     : 0));
}

static json_t *self_json(const push_cluster_view_t *view,
                         const push_time_t *now)
{
    return json_pack("{s:I, s:I, s:b, s:o, s:I}", "id", NODE(view->owner),
                     "incarnation", INCARNATION(view->owner), "leased",
                     (int)view->leased, "lease_ms", age_json(view->lease, now),
                     "unreadable", (json_int_t)view->unreadable);
}

/* ms since then, by the wall clock; null: there is no such moment. */
static json_t *since_json(int64_t then, const push_time_t *now)
{
    return then ? json_integer(then < now->wall ? now->wall - then : 0)
                : json_null();
}

static json_t *region_json(const push_region_view_t *region,
                           const push_time_t *now)
{
    return json_pack("{s:o, s:I, s:o, s:o}", "name", text_json(region->name),
                     "waiting", (json_int_t)region->waiting, "oldest_ms",
                     since_json(region->oldest, now), "away_ms",
                     since_json(region->trouble, now));
}

static json_t *cluster_json(const push_cluster_view_t *view)
{
    push_time_t now = push_clock_now();
    json_t *nodes = json_array();
    json_t *masters = json_array();
    json_t *regions = json_array();

    for (unsigned i = 0; i < view->nodes_count; i++) {
        json_array_append_new(nodes, node_json(&view->nodes[i], &now));
    }
    for (unsigned i = 0; i < view->masters_count; i++) {
        json_array_append_new(masters, master_json(&view->masters[i], &now));
    }
    for (unsigned i = 0; i < view->regions_count; i++) {
        json_array_append_new(regions, region_json(&view->regions[i], &now));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "node", self_json(view, &now),
                     "nodes", nodes, "masters", masters, "regions", regions);
}

int push_show_cluster(request_rec *r, const char *none)
{
    push_broker_t *broker = push_broker();
    push_cluster_view_t *view = apr_palloc(r->pool, sizeof(*view));

    (void)none;
    return push_json_send(r, "application/json",
                          broker->cluster(broker, view)
                              ? cluster_json(view)
                              : json_pack("{s:n, s:[], s:[], s:[]}", "node",
                                          "nodes", "masters", "regions"));
}
