#ifndef PUSH_PARAMS_H
#define PUSH_PARAMS_H

#include "http/problem.h"

/* The query of a request, decoded (application/x-www-form-urlencoded). */

typedef struct push_params_t {
    apr_pool_t *pool;
    apr_array_header_t *list; /* push_param_t */
} push_params_t;

typedef struct push_param_t {
    const char *name;
    const char *value;
} push_param_t;

/* A problem if an escape is malformed or decodes to NUL. */
const push_problem_t *push_params_parse(request_rec *r, push_params_t *params);

/* The value of a parameter, or NULL; a problem if it is given twice. */
const push_problem_t *push_params_one(const push_params_t *params,
                                      const char *name, const char **value);

/* All values of a parameter that may be repeated. */
apr_array_header_t *push_params_all(const push_params_t *params,
                                    const char *name);

static inline push_text_t push_text_of(const char *string)
{
    return (push_text_t){string, string ? (uint32_t)strlen(string) : 0};
}

/* The name of a user or a channel: 1–255 bytes of UTF-8, no controls. */
bool push_name_valid(push_text_t name);

#endif
