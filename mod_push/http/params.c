#include "http/params.h"

#include <apr_strings.h>

#include "core/text.h"
#include "core/user.h"

static const char *decode(apr_pool_t *pool, const char *text)
{
    char *copy = apr_pstrdup(pool, text);

    for (char *p = copy; *p; p++) {
        if (*p == '+') {
            *p = ' ';
        }
    }
    return ap_unescape_urlencoded(copy) == OK ? copy : NULL;
}

const push_problem_t *push_params_parse(request_rec *r, push_params_t *params)
{
    char *rest = r->args ? apr_pstrdup(r->pool, r->args) : NULL;
    char *pair, *last;

    params->pool = r->pool;
    params->list = apr_array_make(r->pool, 8, sizeof(push_param_t));
    for (pair = rest ? apr_strtok(rest, "&", &last) : NULL; pair;
         pair = apr_strtok(NULL, "&", &last)) {
        push_param_t *param = apr_array_push(params->list);
        char *value = strchr(pair, '=');

        if (value) {
            *value++ = '\0';
        }
        param->name = decode(r->pool, pair);
        param->value = decode(r->pool, value ? value : "");
        if (!param->name || !param->value) {
            return push_problem(r->pool, 400, "bad-parameter",
                                "%s: an escape is not %% and two hexadecimal "
                                "digits, or stands for NUL",
                                param->name ? param->name : "query");
        }
    }
    return NULL;
}

const push_problem_t *push_params_one(const push_params_t *params,
                                      const char *name, const char **value)
{
    const push_param_t *list = (const push_param_t *)params->list->elts;

    *value = NULL;
    for (int i = 0; i < params->list->nelts; i++) {
        if (strcmp(list[i].name, name)) {
            continue;
        }
        if (*value) {
            return push_problem(params->pool, 400, "bad-parameter",
                                "%s: given more than once", name);
        }
        *value = list[i].value;
    }
    return NULL;
}

apr_array_header_t *push_params_all(const push_params_t *params,
                                    const char *name)
{
    const push_param_t *list = (const push_param_t *)params->list->elts;
    apr_array_header_t *found = apr_array_make(params->pool, 4,
                                               sizeof(const char *));

    for (int i = 0; i < params->list->nelts; i++) {
        if (!strcmp(list[i].name, name)) {
            APR_ARRAY_PUSH(found, const char *) = list[i].value;
        }
    }
    return found;
}

bool push_name_valid(push_text_t name)
{
    if (!name.len || name.len > PUSH_NAME_MAX
        || !push_text_valid(name.at, name.len)) {
        return false;
    }
    for (uint32_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.at[i];

        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}
