#ifndef PUSH_JSON_H
#define PUSH_JSON_H

#include <httpd.h>

#include <jansson.h>

#include "core/types.h"

/* Sends body, which is taken, as the whole answer; not to be stored. */
int push_json_send(request_rec *r, const char *type, json_t *body);

/* The same with a body that is JSON already. */
int push_json_send_text(request_rec *r, const char *type, const char *text,
                        size_t len);

/* A string of bytes that may not be UTF-8; what is not is replaced. */
json_t *push_json_text(push_text_t text);

/*
 * The bytes of the value of a top-level member of an object that is known to
 * be valid JSON; an empty text if there is no member of this name.
 */
push_text_t push_json_raw(push_text_t object, const char *name);

/*
 * Behind the value that begins at p, at most the end; of what is no JSON it is
 * somewhere.
 */
const char *push_json_skip(const char *p, const char *end);

#endif
