#ifndef PUSH_HOLD_INSTRUCT_H
#define PUSH_HOLD_INSTRUCT_H

#include "http/hold/asked.h"

/*
 * Answers of type application/grip-instruct: a JSON object that says what the
 * headers of GRIP say (hold), and what the client is answered (response).
 */

/* True if an answer is one. */
bool push_instruct_is(const request_rec *r);

/*
 * Puts what hold says into headers as grip.h reads them, and makes response
 * that of r: status, type and headers; its body replaces *body.
 */
const push_problem_t *push_instruct_read(request_rec *r, push_text_t *body,
                                         const apr_table_t **headers);

#endif
