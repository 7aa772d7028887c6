#ifndef PUSH_HTTP_CLUSTER_H
#define PUSH_HTTP_CLUSTER_H

#include <httpd.h>

/* The nodes of the cluster, and this node's masters of Redis; an object with
 * empty lists where the server is alone. */
int push_show_cluster(request_rec *r, const char *none);

#endif
