/*
 * A way for TCP to a port of 127.0.0.1 that a test can cut: HAProxy, which
 * passes bytes. It ends with the test.
 */
#ifndef HARNESS_CABLE_H
#define HARNESS_CABLE_H

#include <sys/types.h>

struct cable {
    int port; /* of 127.0.0.1, in place of the one that it leads to */
    char *root;
    pid_t pid; /* 0 while it is cut */
};

struct cable *cable_to(int port);

/* All connections end, and none is taken until it is mended. */
void cable_cut(struct cable *cable);
void cable_mend(struct cable *cable);

#endif
