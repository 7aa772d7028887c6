#ifndef PUSH_LINE_H
#define PUSH_LINE_H

#include "http/publish/fields.h"

/*
 * One line of a stream of messages: a JSON object
 *   {"user"|"channel"|"broadcast", "device", "ttl", "urgency", "topic",
 *    "event", "type", "traceparent", "key", "at", "receipt",
 *    "data"|"text"|"base64"}
 */

/*
 * Parses a line into a publication whose texts are borrowed from the line and the
 * pool.
 */
const push_problem_t *push_line_parse(apr_pool_t *pool,
                                      const push_settings_t *settings,
                                      push_text_t line,
                                      push_publication_t *asked);

#endif
