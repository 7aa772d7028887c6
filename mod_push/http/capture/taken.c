#include "http/capture/taken.h"

#include <apr_strings.h>
#include <stdbool.h>

/* The pool of a request is also that of those it was redirected to. */
typedef struct {
    const request_rec *r;
    apr_table_t *headers;
} taken_t;

static const char key[] = "push-taken";

static bool begins_with(const char *name, const char *prefix)
{
    return !strncasecmp(name, prefix, strlen(prefix));
}

static bool is_ours(const char *name)
{
    return !strcasecmp(name, "Push") || begins_with(name, "Push-")
           || begins_with(name, "Grip-");
}

/* Moves what is ours from a table to another one; returns whether there was
 * some. */
static bool move(apr_table_t *from, apr_table_t *to)
{
    const apr_array_header_t *all = apr_table_elts(from);
    int before = apr_table_elts(to)->nelts;

    for (int i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *entry = &APR_ARRAY_IDX(all, i,
                                                        apr_table_entry_t);

        if (is_ours(entry->key)) {
            apr_table_addn(to, entry->key, entry->val);
        }
    }
    all = apr_table_elts(to);
    for (int i = before; i < all->nelts; i++) {
        apr_table_unset(from, APR_ARRAY_IDX(all, i, apr_table_entry_t).key);
    }
    return all->nelts > before;
}

static taken_t *find(const request_rec *r)
{
    void *found = NULL;
    taken_t *taken;

    apr_pool_userdata_get(&found, key, r->pool);
    taken = found;
    return taken && taken->r == r ? taken : NULL;
}

/* CGI, FastCGI and the like put all that an application says into the headers
 * that stay in errors. */
static taken_t *take(request_rec *r)
{
    taken_t *taken = apr_palloc(r->pool, sizeof(*taken));

    taken->r = r;
    taken->headers = apr_table_make(r->pool, 4);
    move(r->headers_out, taken->headers);
    move(r->err_headers_out, taken->headers);
    apr_pool_userdata_setn(taken, key, NULL, r->pool);
    return taken;
}

const apr_table_t *push_taken(request_rec *r)
{
    taken_t *taken = find(r) ?: take(r);

    return apr_is_empty_table(taken->headers) ? NULL : taken->headers;
}

void push_taken_also(request_rec *r, const char *name)
{
    taken_t *taken = find(r) ?: take(r);
    apr_table_t *const tables[] = {r->headers_out, r->err_headers_out};

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        const char *value = apr_table_get(tables[i], name);

        if (value) {
            apr_table_addn(taken->headers, name, value);
            apr_table_unset(tables[i], name);
        }
    }
}

/* How often a header is there, and its last value. */
typedef struct {
    const char *value;
    unsigned times;
} seen_t;

static int note(void *data, const char *name, const char *value)
{
    seen_t *seen = data;

    (void)name;
    seen->value = value;
    seen->times++;
    return 1;
}

unsigned push_taken_count(const apr_table_t *taken, const char *name,
                          const char **value)
{
    seen_t seen = {0};

    apr_table_do(note, &seen, taken, name, NULL);
    *value = seen.value;
    return seen.times;
}

const push_problem_t *push_taken_one(const request_rec *r, const char *name,
                                     const char **value)
{
    const taken_t *taken = find(r);
    unsigned times = 0;

    *value = NULL;
    if (taken) {
        times = push_taken_count(taken->headers, name, value);
    }
    return times > 1 ? push_problem(r->pool, 400, "bad-header",
                                    "%s: at most once", name)
                     : NULL;
}

void push_taken_drop(request_rec *r)
{
    apr_table_t *dropped = apr_table_make(r->pool, 4);

    move(r->headers_out, dropped);
    move(r->err_headers_out, dropped);
    move(r->trailers_out, dropped);
}

void push_taken_from_client(request_rec *r)
{
    const apr_array_header_t *all = apr_table_elts(r->headers_in);
    int at = 0;

    while (at < all->nelts) {
        const char *name = APR_ARRAY_IDX(all, at, apr_table_entry_t).key;

        if ((is_ours(name) && strcasecmp(name, "Push-Client"))
            || begins_with(name, "Grip-")) {
            /* This one and those of its name behind it. */
            apr_table_unset(r->headers_in, name);
        }
        else {
            at++;
        }
    }
}
