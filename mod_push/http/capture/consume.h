#ifndef PUSH_CONSUME_H
#define PUSH_CONSUME_H

#include <httpd.h>

#include <util_filter.h>

#include "http/publish/inject.h"

/*
 * Passes on, in place of an answer whose head was not sent yet, what a POST of
 * the message would have been answered with: its receipt, or the problem, and
 * the end.  NULL: nothing was published, as the last one was the same (204).
 */
apr_status_t push_consume_answer(ap_filter_t *f,
                                 const push_injected_t *message);

#endif
