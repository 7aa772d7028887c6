/* node.h - one node of a cluster, by its name in the list of nodes. */
#ifndef PUSHCTL_NODE_H
#define PUSHCTL_NODE_H

#include "command.h"

/* The row of a table of options, for a command whose answer is of one node
 * where that is wanted. */
#define CTL_NODE_OPTION                                                       \
    {                                                                         \
        CTL_NODE, "node", "NODE", "of this one alone: number, host or self"   \
    }

/* The state of a command that has no other option. */
struct ctl_of_node {
    const char *node; /* NULL: of all */
};

void ctl_node_take(struct ctl *c, int option, const char *value);

/* The number of a node, or "self", as the administration takes it.  These two
 * are as they are; for a host, a host with its port or a whole URL the server
 * is asked which node that is.  Freed by the caller; NULL: there is none, which
 * was said, and *status is the exit code. */
char *ctl_node_number(const struct ctl *c, const char *name, int *status);

/* The path, which is taken, with the node in its query; itself where node is
 * NULL.  Freed by the caller; NULL: likewise. */
char *ctl_node_path(const struct ctl *c, char *path, const char *node,
                    int *status);

#endif
