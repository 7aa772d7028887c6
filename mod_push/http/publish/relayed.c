#include "http/publish/relayed.h"

#include <string.h>

const push_problem_t *push_relayed_read(const request_rec *r, bool *is)
{
    const char *header = apr_table_get(r->headers_in, "Push-Relayed");

    *is = header != NULL;
    return header && strcmp(header, "1")
               ? push_problem(r->pool, 400, "bad-header", "Push-Relayed: 1")
               : NULL;
}

/* FNV-1a: two audiences of one hash wait for each other, no more. */
static uint64_t hash_of(const push_audience_t *audience)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)audience->kind;

    for (uint32_t i = 0; i < audience->name.len; i++) {
        hash = (hash ^ (unsigned char)audience->name.at[i])
               * UINT64_C(1099511628211);
    }
    return hash;
}

/* Who sends it again gets another answer. */
static bool is_passing(int status)
{
    return status == 409 || status == 429 || status >= 500;
}

static bool is_refused(const push_relayed_t *relayed,
                       const push_audience_t *audience)
{
    uint64_t hash = hash_of(audience);
    unsigned i = 0;

    while (i < relayed->count && relayed->refused[i] != hash) {
        i++;
    }
    return i < relayed->count || relayed->count == PUSH_RELAYED_AUDIENCES;
}

const push_problem_t *push_relayed_check(const push_relayed_t *relayed,
                                         apr_pool_t *pool,
                                         const push_publication_t *asked)
{
    return relayed->count && is_refused(relayed, &asked->audience)
               ? push_problem(pool, 503, "busy",
                              "an earlier message of this audience was "
                              "refused for now: both have to come again")
               : NULL;
}

void push_relayed_refused(push_relayed_t *relayed,
                          const push_publication_t *asked,
                          const push_problem_t *problem)
{
    if (relayed->is && is_passing(problem->status)
        && !is_refused(relayed, &asked->audience)) {
        relayed->refused[relayed->count++] = hash_of(&asked->audience);
    }
}
