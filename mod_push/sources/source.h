#ifndef PUSH_SOURCE_H
#define PUSH_SOURCE_H

#include <httpd.h>

#include <apr_optional.h>
#include <apr_tables.h>

/*
 * The seam of mod_push for modules that have messages from elsewhere: a bus, a
 * queue, a table.  They declare a source, hand over what it has, and are told
 * when that is safe.  The functions are optional ones of httpd, which mod_push
 * registers:
 *
 *     APR_OPTIONAL_FN_TYPE(push_source_take) *take =
 *         APR_RETRIEVE_OPTIONAL_FN(push_source_take);
 *
 * NULL: mod_push is not loaded, or has no such seam.  This header is all that
 * such a module needs of it.
 */

/* Its layout; a module of another one is refused, by push_source_wrong(). */
#define PUSH_SOURCE_SEAM 1

#define PUSH_SOURCES_MAX     64 /* of a server */
#define PUSH_SOURCE_NAME_MAX 63 /* bytes */

typedef struct push_source_t push_source_t;

typedef struct push_source_options_t {
    unsigned seam;                   /* PUSH_SOURCE_SEAM */
    const char *name;                /* letters, digits, '.', '_', '-' */
    const apr_array_header_t *allow; /* const char *: what its lines may
                                        address, as PushCaptureAllow has it;
                                        NULL: it may bring events alone */
} push_source_options_t;

/* NULL; or a sentence in the pool that says what is wrong with the options. */
APR_DECLARE_OPTIONAL_FN(const char *, push_source_wrong,
                        (apr_pool_t * pool,
                         const push_source_options_t *options));

/*
 * In the parent, in post_config at APR_HOOK_LAST: a source, for all children
 * and until the configuration is read again.  Borrows the options' texts so
 * long.  NULL, after a sentence in the log: there are too many, two of one
 * name, or no memory.
 */
APR_DECLARE_OPTIONAL_FN(push_source_t *, push_source_declare,
                        (server_rec * server,
                         const push_source_options_t *options));

typedef enum push_source_outcome_t {
    PUSH_SOURCE_SAFE,    /* kept as PushDurability says: forget it */
    PUSH_SOURCE_REFUSED, /* for good; why says what is wrong with it */
    PUSH_SOURCE_LATER    /* not now; why says what is the matter.  Hand it
                            over again, before all that follows it */
} push_source_outcome_t;

typedef struct push_source_item_t {
    const char *text; /* a line of NDJSON as for POST <admin>/messages, or a
                         CloudEvent in its structured form; it is told from a
                         line by its member specversion */
    apr_size_t len;
    const char *key; /* names it for good: handed over twice under one key
                        within PushIdempotencyWindow, it is published once.
                        Only of lines which have no key of their own: events
                        have source and id */
    push_source_outcome_t outcome; /* set */
    const char *why;               /* set; in the pool; NULL if it is safe */
} push_source_item_t;

/*
 * Publishes lines and has triggers match events, each kind in the order given,
 * and waits once for all of them.  A line that has to wait keeps back those
 * behind it; a refused one keeps back nothing.  In a child, by any thread, from
 * child_init at APR_HOOK_LAST on until a cleanup of the child's pool that was
 * registered there; blocks for seconds at worst.
 */
APR_DECLARE_OPTIONAL_FN(void, push_source_take,
                        (push_source_t * source, apr_pool_t *pool,
                         push_source_item_t *items, apr_size_t count));

/*
 * For <admin>/metrics: whether the source is reached, and how much waits there;
 * -1: nobody knows.  In a child.
 */
APR_DECLARE_OPTIONAL_FN(void, push_source_tell,
                        (push_source_t * source, int connected,
                         apr_int64_t waiting));

#endif
