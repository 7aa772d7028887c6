/* publishing.h - a publisher against a scripted server, results noted. */
#ifndef PUSHC_TEST_PUBLISHING_H
#define PUSHC_TEST_PUBLISHING_H

#include "pushc.h"
#include "scripted.h"

extern struct scripted *pt_server;
extern pushc_publisher *pt_publisher;
extern pushc_options pt_options; /* filled by pt_begin() */

extern pushc_result pt_results[4096]; /* in the order they came */

/* Start the server; then the publisher, after changes to the options. */
void pt_begin(scripted_fn script, void *ctx);
void pt_start(void);

/* End both, so that what their threads noted can be read. */
void pt_finish(void);

/* Results so far; the hook that notes them. */
unsigned pt_result_total(void);
void pt_on_result(void *ctx, const pushc_result *r);

/* A message to ann with a text; publish one without waiting. */
pushc_outgoing pt_to_ann(const char *text);
int pt_publish(const char *text);

#endif
