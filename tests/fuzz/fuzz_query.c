/*
 * The query of a request: every parameter comes out decoded, in its place,
 * without a NUL, and nothing else does.
 */
#include <apr_general.h>
#include <apr_strings.h>

#include "http/params.h"

#include "fuzz.h"

static size_t count_of(const char *text, char c)
{
    size_t count = 0;

    for (; *text; text++) {
        count += *text == c;
    }
    return count;
}

static void check_param(const push_params_t *params, const push_param_t *p)
{
    apr_array_header_t *all = push_params_all(params, p->name);
    const char *value;
    const push_problem_t *problem = push_params_one(params, p->name, &value);

    REQUIRE(all->nelts >= 1);
    REQUIRE((problem != NULL) == (all->nelts > 1));
    REQUIRE(problem || value == APR_ARRAY_IDX(all, 0, const char *));
    REQUIRE(!push_name_valid(push_text_of(p->value))
            || strlen(p->value) <= 255);
}

static void parse(request_rec *r)
{
    push_params_t params;
    const push_problem_t *problem = push_params_parse(r, &params);
    const push_param_t *list;
    size_t len = 0;

    if (problem) {
        REQUIRE(problem->status == 400 && count_of(r->args, '%'));
        return;
    }
    REQUIRE((size_t)params.list->nelts <= count_of(r->args, '&') + 1);
    list = (const push_param_t *)params.list->elts;
    for (int i = 0; i < params.list->nelts; i++) {
        check_param(&params, &list[i]);
        len += strlen(list[i].name) + strlen(list[i].value);
    }
    REQUIRE(len <= strlen(r->args));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static apr_pool_t *pool;
    char *args = fuzz_string(bytes, size);
    request_rec r = {.args = args};

    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    r.pool = pool;
    parse(&r);
    apr_pool_clear(pool);
    free(args);
    return 0;
}
