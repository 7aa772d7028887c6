/* probing.h - a probe against a scripted server: what a test of the client
 * begins and ends with. */
#ifndef PUSHC_TEST_PROBING_H
#define PUSHC_TEST_PROBING_H

#include "probe.h"

extern struct scripted *server;
extern struct probe *probe;

/* Start the server; then the probe's options may be changed, and the probe
 * started. */
void probing_begin(scripted_fn script, void *ctx);
void probing_end(void);

#endif
