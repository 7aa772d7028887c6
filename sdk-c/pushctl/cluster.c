#include "cluster.h"

#include "http.h"
#include "show.h"

static void show_rows(FILE *out, const char *heading, const json_t *rows,
                      const char *const *names)
{
    fprintf(out, "%s\n", heading);
    ctl_show_table(out, rows, names, 2);
}

static void show_cluster(FILE *out, const json_t *answer)
{
    static const char *const nodes[] = {"id",      "incarnation", "self",
                                        "age_ms",  "version",     "streams",
                                        "devices", "published",   "delivered",
                                        "lag_ms",  "suspect",     "url",
                                        NULL};
    static const char *const masters[] = {
        "address", "partitions", "suspect", "drained_ms", "ahead_ms", NULL};
    const json_t *node = json_object_get(answer, "node");

    if (!json_is_object(node)) {
        fprintf(out, "This server is alone: it has no PushCluster.\n");
        return;
    }
    show_rows(out, "nodes", json_object_get(answer, "nodes"), nodes);
    show_rows(out, "masters of Redis, as this node sees them",
              json_object_get(answer, "masters"), masters);
    fprintf(out, "this node\n");
    ctl_show(out, node);
}

static int run_cluster(struct ctl *c)
{
    json_t *answer;
    int status = ctl_ask(c, "GET", "cluster", &answer);

    return status == EXIT_OK ? ctl_put(c, answer, show_cluster) : status;
}

const struct ctl_command ctl_cluster = {
    .name = "cluster",
    .arguments = "",
    .summary = "list the nodes of the cluster, and the masters of its Redis",
    .run = run_cluster,
};
