/* records.c - the message ids that a session has seen. */
#include "records.h"

#include <stdint.h>
#include <string.h>

#define FIRST_BUCKETS 64

/* Records that are looked at to forget one, and the multiple of `limit` from
 * which on those go too that the cursor has not passed. */
#define TRIES    8
#define UNPASSED 8

static struct pushc_record *oldest(const struct pushc_records *rs)
{
    return PUSHC_LINKED(rs->all.first, struct pushc_record);
}

int pushc_records_init(struct pushc_records *rs, const struct pushc_mem *mem,
                       unsigned limit)
{
    memset(rs, 0, sizeof(*rs));
    rs->mem = mem;
    rs->limit = limit;
    rs->buckets = pushc_mem_zalloc(mem, FIRST_BUCKETS * sizeof(void *));
    rs->bucket_count = FIRST_BUCKETS;
    return rs->buckets ? PUSHC_OK : PUSHC_ERR_MEMORY;
}

void pushc_records_cleanup(struct pushc_records *rs)
{
    while (rs->all.first) {
        struct pushc_record *r = oldest(rs);

        pushc_list_remove(&rs->all, &r->link);
        pushc_mem_free(rs->mem, r);
    }
    pushc_mem_free(rs->mem, rs->buckets);
    rs->buckets = NULL;
    rs->count = 0;
}

/* FNV-1a. The ids come from one server that the client chose to trust. */
static size_t hash(const char *mid)
{
    uint64_t h = 14695981039346656037u;

    for (; *mid; mid++) {
        h = (h ^ (unsigned char)*mid) * 1099511628211u;
    }
    return (size_t)(h ^ (h >> 32));
}

static struct pushc_record **bucket(const struct pushc_records *rs,
                                    const char *mid)
{
    return &rs->buckets[hash(mid) & (rs->bucket_count - 1)];
}

static void chain(struct pushc_records *rs, struct pushc_record *r)
{
    struct pushc_record **at = bucket(rs, r->mid);

    r->chain = *at;
    *at = r;
}

struct pushc_record *pushc_record_find(const struct pushc_records *rs,
                                       const char *mid)
{
    struct pushc_record *r = *bucket(rs, mid);

    while (r && strcmp(r->mid, mid) != 0) {
        r = r->chain;
    }
    return r;
}

static void destroy(struct pushc_records *rs, struct pushc_record *r)
{
    if (r->mid[0] != '\0') {
        struct pushc_record **at = bucket(rs, r->mid);

        while (*at != r) {
            at = &(*at)->chain;
        }
        *at = r->chain;
        rs->count--;
    }
    pushc_list_remove(&rs->all, &r->link);
    pushc_mem_free(rs->mem, r);
}

/* Forget the oldest that nobody refers to. A message whose record the cursor
 * has not passed is done, but the server does not know: it comes again,
 * though perhaps only after very many that are more urgent. Its record moves
 * to the end, so that it is not looked at again and again, and goes only if
 * there are far too many. */
static void evict(struct pushc_records *rs)
{
    int tries = TRIES;

    while (rs->count > rs->limit && tries-- > 0) {
        struct pushc_record *r = oldest(rs);

        if (r->refs == 0
            && (r->passed || rs->count > (size_t)rs->limit * UNPASSED)) {
            destroy(rs, r);
        }
        else {
            pushc_list_remove(&rs->all, &r->link);
            pushc_list_append(&rs->all, &r->link);
        }
    }
}

/* Double the buckets; without memory the chains are longer, nothing worse. */
static void rehash(struct pushc_records *rs)
{
    size_t count = rs->bucket_count * 2;
    struct pushc_record **buckets;
    struct pushc_link *at;

    buckets = pushc_mem_zalloc(rs->mem, count * sizeof(*buckets));
    if (!buckets) {
        return;
    }
    pushc_mem_free(rs->mem, rs->buckets);
    rs->buckets = buckets;
    rs->bucket_count = count;
    for (at = rs->all.first; at; at = at->next) {
        struct pushc_record *r = PUSHC_LINKED(at, struct pushc_record);

        if (r->mid[0] != '\0') {
            chain(rs, r);
        }
    }
}

struct pushc_record *pushc_record_create(struct pushc_records *rs,
                                         const char *mid)
{
    struct pushc_record *r = pushc_mem_zalloc(rs->mem, sizeof(*r));

    if (!r) {
        return NULL;
    }
    if (mid[0] != '\0') {
        if (rs->count >= rs->bucket_count) {
            rehash(rs);
        }
        strcpy(r->mid, mid);
        chain(rs, r);
        rs->count++;
        evict(rs);
    }
    pushc_list_append(&rs->all, &r->link);
    return r;
}

void pushc_record_release(struct pushc_records *rs, struct pushc_record *r)
{
    r->refs--;
    if (r->refs == 0 && (r->mid[0] == '\0' || !r->done)) {
        destroy(rs, r);
    }
}
