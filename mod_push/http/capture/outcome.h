#ifndef PUSH_CAPTURE_OUTCOME_H
#define PUSH_CAPTURE_OUTCOME_H

#include <httpd.h>

#include "http/publish/inject.h"

/* What became of the messages of an answer, for operators. */

/*
 * Messages of the answer to r are not published: counts them under a result
 * (PUSH_BY_CAPTURED_*), and says why in the log.
 */
void push_outcome_none(const request_rec *r, unsigned result, unsigned count);

/* The same of one that is refused for this problem. */
void push_outcome_refused(const request_rec *r, const push_problem_t *problem);

/* Publishes them as PushCaptureAllow of r lets it, and tells each outcome. */
void push_outcome_publish(request_rec *r, push_injected_t *messages,
                          size_t count);

#endif
