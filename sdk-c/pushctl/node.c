#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "text.h"

void ctl_node_take(struct ctl *c, int option, const char *value)
{
    struct ctl_of_node *of = c->state;

    if (option == CTL_NODE) {
        of->node = value;
    }
}

static int is_number_or_self(const char *name)
{
    return (*name && name[strspn(name, "0123456789")] == '\0')
           || strcmp(name, "self") == 0;
}

/* Whether a node with this URL has this name: the URL, its host and port, or
 * its host. */
static int has_name(const char *url, const char *name)
{
    const char *host = strstr(url, "://");
    size_t n = strlen(name);
    size_t port;

    host = host ? host + 3 : url;
    port = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    return strcmp(url, name) == 0
           || (strncmp(host, name, n) == 0
               && (n == port || n == strcspn(host, "/")));
}

/* "0 (http://…), 1 (…)"; NULL: no memory. */
static char *list_of(const json_t *nodes)
{
    const json_t *node;
    char *list = NULL;
    size_t size = 0, i;
    FILE *out = open_memstream(&list, &size);

    if (!out) {
        return NULL;
    }
    json_array_foreach(nodes, i, node)
    {
        const char *url = json_string_value(json_object_get(node, "url"));
        char *clean = ctl_text_clean(url ? url : "");

        fprintf(out, "%s%lld (%s)", i > 0 ? ", " : "",
                (long long)json_integer_value(json_object_get(node, "id")),
                clean ? clean : "");
        free(clean);
    }
    fclose(out);
    return list;
}

static void say_which(const struct ctl *c, const json_t *nodes,
                      const char *name, int found)
{
    char *list = list_of(nodes);

    if (json_array_size(nodes) == 0) {
        common_say(&c->common,
                   "--node: this server is alone: it has no PushCluster");
    }
    else {
        common_say(&c->common, "--node: %s is %s; there are %s", name,
                   found ? "more than one node" : "no node",
                   list ? list : "others");
    }
    free(list);
}

/* The number of the one node of that name, -1 if there is none. */
static json_int_t find(const struct ctl *c, const json_t *nodes,
                       const char *name)
{
    json_int_t id = -1;
    int found = 0;
    const json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
    {
        const char *url = json_string_value(json_object_get(node, "url"));

        if (url && has_name(url, name)) {
            id = json_integer_value(json_object_get(node, "id"));
            found++;
        }
    }
    if (found != 1) {
        say_which(c, nodes, name, found);
        return -1;
    }
    return id;
}

static char *ask_number(const struct ctl *c, const char *name, int *status)
{
    json_t *answer;
    json_int_t id;
    char *number = NULL;

    *status = ctl_ask(c, "GET", "cluster", &answer);
    if (*status != EXIT_OK) {
        return NULL;
    }
    id = find(c, json_object_get(answer, "nodes"), name);
    json_decref(answer);
    if (id < 0) {
        *status = EXIT_MISSING;
    }
    else if (asprintf(&number, "%lld", (long long)id) < 0) {
        *status = EXIT_FAILED;
        number = NULL;
    }
    return number;
}

char *ctl_node_number(const struct ctl *c, const char *name, int *status)
{
    *status = EXIT_FAILED;
    return is_number_or_self(name) ? strdup(name)
                                   : ask_number(c, name, status);
}

char *ctl_node_path(const struct ctl *c, char *path, const char *node,
                    int *status)
{
    char *number;

    *status = EXIT_FAILED;
    if (!node || !path) {
        return path;
    }
    number = ctl_node_number(c, node, status);
    if (!number) {
        free(path);
        return NULL;
    }
    path = ctl_path_with(path, "node", number);
    free(number);
    return path;
}
