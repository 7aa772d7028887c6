#include "http/admin/metrics_cluster.h"

static const push_pair_t no_labels[PUSH_PAIRS];

static void put(const push_exposition_t *to, const char *name,
                push_amount_t amount)
{
    push_exposition_value(to, name, no_labels, amount);
}

/* Since then, in seconds; what never was is as old as the machine's start. */
static push_amount_t age(int64_t then, int64_t now)
{
    return (push_amount_t){then < now ? (uint64_t)(now - then) * 1000 : 0,
                           1000000};
}

static void put_node(const push_exposition_t *to,
                     const push_cluster_view_t *view, int64_t now)
{
    push_exposition_family(to, "push_cluster_nodes", "gauge",
                           "Nodes that the last lease told of.");
    put(to, "push_cluster_nodes", (push_amount_t){view->nodes_count, 1});
    push_exposition_family(to, "push_cluster_leased", "gauge",
                           "Whether this node has an id of its own.");
    put(to, "push_cluster_leased", (push_amount_t){view->leased, 1});
    push_exposition_family(to, "push_cluster_lease_age_seconds", "gauge",
                           "Since the lease of this node was renewed.");
    put(to, "push_cluster_lease_age_seconds", age(view->lease, now));
    push_exposition_family(to, "push_cluster_unreadable_total", "counter",
                           "Records that this version could not read.");
    put(to, "push_cluster_unreadable_total",
        (push_amount_t){view->unreadable, 1});
}

static void put_masters(const push_exposition_t *to,
                        const push_cluster_view_t *view, int64_t now)
{
    push_exposition_family(to, "push_cluster_drain_age_seconds", "gauge",
                           "Since the inbox at this master was drained.");
    for (unsigned i = 0; i < view->masters_count; i++) {
        const push_pair_t pairs[PUSH_PAIRS] = {
            {"master", view->masters[i].name}};

        push_exposition_value(to, "push_cluster_drain_age_seconds", pairs,
                              age(view->masters[i].drained, now));
    }
    push_exposition_family(to, "push_cluster_suspect_partitions", "gauge",
                           "Partitions whose logs are asked for again.");
    for (unsigned i = 0; i < view->masters_count; i++) {
        const push_pair_t pairs[PUSH_PAIRS] = {
            {"master", view->masters[i].name}};

        push_exposition_value(to, "push_cluster_suspect_partitions", pairs,
                              (push_amount_t){view->masters[i].suspect, 1});
    }
}

typedef push_amount_t region_figure_t(const push_region_view_t *region,
                                      int64_t wall);

static push_amount_t waiting_of(const push_region_view_t *region, int64_t wall)
{
    (void)wall;
    return (push_amount_t){region->waiting, 1};
}

static push_amount_t oldest_of(const push_region_view_t *region, int64_t wall)
{
    return age(region->oldest ? region->oldest : wall, wall);
}

static push_amount_t away_of(const push_region_view_t *region, int64_t wall)
{
    return age(region->trouble ? region->trouble : wall, wall);
}

static void put_regions(const push_exposition_t *to,
                        const push_cluster_view_t *view, int64_t wall)
{
    static const struct {
        const char *name, *help;
        region_figure_t *figure;
    } rows[] = {{"push_relay_waiting_messages",
                 "Messages of the whole cluster that wait for a region.",
                 waiting_of},
                {"push_relay_oldest_seconds",
                 "For how long the first of them has waited.", oldest_of},
                {"push_relay_away_seconds",
                 "For how long the region has taken nothing from this node.",
                 away_of}};

    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        push_exposition_family(to, rows[row].name, "gauge", rows[row].help);
        for (unsigned i = 0; i < view->regions_count; i++) {
            const push_pair_t pairs[PUSH_PAIRS] = {
                {"region", view->regions[i].name}};

            push_exposition_value(to, rows[row].name, pairs,
                                  rows[row].figure(&view->regions[i], wall));
        }
    }
}

void push_metrics_cluster(const push_exposition_t *to,
                          const push_cluster_view_t *view,
                          const push_time_t *now)
{
    put_node(to, view, now->mono);
    put_masters(to, view, now->mono);
    if (view->regions_count) {
        put_regions(to, view, now->wall);
    }
}
