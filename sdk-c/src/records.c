/* records.c - the message ids that a session has seen. */
#include "records.h"

#include <string.h>

#define FIRST_BUCKETS 64

/* Records that are looked at to forget one, and the multiple of `dedup` from
 * which on those go too that the cursor has not passed. */
#define LOOKS    8
#define UNPASSED 8

int pushc_records_init(struct pushc_session *s)
{
    s->buckets = pushc_mem_zalloc(s->mem, FIRST_BUCKETS * sizeof(void *));
    s->bucket_count = FIRST_BUCKETS;
    return s->buckets ? PUSHC_OK : PUSHC_ERR_MEMORY;
}

void pushc_records_cleanup(struct pushc_session *s)
{
    while (s->oldest) {
        struct pushc_record *r = s->oldest;

        s->oldest = r->newer;
        pushc_mem_free(s->mem, r);
    }
    pushc_mem_free(s->mem, s->buckets);
    s->buckets = NULL;
    s->newest = NULL;
    s->record_count = 0;
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

static struct pushc_record **bucket(const struct pushc_session *s,
                                    const char *mid)
{
    return &s->buckets[hash(mid) & (s->bucket_count - 1)];
}

struct pushc_record *pushc_record_find(const struct pushc_session *s,
                                       const char *mid)
{
    struct pushc_record *r = *bucket(s, mid);

    while (r && strcmp(r->mid, mid) != 0) {
        r = r->chain;
    }
    return r;
}

static void link_newest(struct pushc_session *s, struct pushc_record *r)
{
    r->newer = NULL;
    r->older = s->newest;
    if (s->newest) {
        s->newest->newer = r;
    }
    else {
        s->oldest = r;
    }
    s->newest = r;
}

static void unlink_record(struct pushc_session *s, struct pushc_record *r)
{
    if (r->older) {
        r->older->newer = r->newer;
    }
    else {
        s->oldest = r->newer;
    }
    if (r->newer) {
        r->newer->older = r->older;
    }
    else {
        s->newest = r->older;
    }
}

static void destroy(struct pushc_session *s, struct pushc_record *r)
{
    if (r->mid[0] != '\0') {
        struct pushc_record **at = bucket(s, r->mid);

        while (*at != r) {
            at = &(*at)->chain;
        }
        *at = r->chain;
        s->record_count--;
    }
    unlink_record(s, r);
    pushc_mem_free(s->mem, r);
}

/* Forget the oldest that nobody refers to. One that the cursor has not passed
 * is done, but the server does not know: it comes again, though perhaps only
 * after very many that are more urgent. It moves to the end, so that it is
 * not looked at again and again, and goes only if there are far too many. */
static void evict(struct pushc_session *s)
{
    int looks = LOOKS;

    while (s->record_count > s->dedup && looks-- > 0) {
        struct pushc_record *r = s->oldest;

        if (r->refs == 0
            && (r->passed || s->record_count > (size_t)s->dedup * UNPASSED)) {
            destroy(s, r);
        }
        else {
            unlink_record(s, r);
            link_newest(s, r);
        }
    }
}

/* More buckets; without memory the chains are longer, nothing worse. */
static void rehash(struct pushc_session *s)
{
    size_t count = s->bucket_count * 2;
    struct pushc_record **buckets;
    struct pushc_record *r;

    buckets = pushc_mem_zalloc(s->mem, count * sizeof(*buckets));
    if (!buckets) {
        return;
    }
    pushc_mem_free(s->mem, s->buckets);
    s->buckets = buckets;
    s->bucket_count = count;
    for (r = s->oldest; r; r = r->newer) {
        if (r->mid[0] != '\0') {
            struct pushc_record **at = bucket(s, r->mid);

            r->chain = *at;
            *at = r;
        }
    }
}

struct pushc_record *pushc_record_create(struct pushc_session *s,
                                         const char *mid)
{
    struct pushc_record *r = pushc_mem_zalloc(s->mem, sizeof(*r));
    struct pushc_record **at;

    if (!r) {
        return NULL;
    }
    if (mid[0] != '\0') {
        if (s->record_count >= s->bucket_count) {
            rehash(s);
        }
        strcpy(r->mid, mid);
        at = bucket(s, mid);
        r->chain = *at;
        *at = r;
        s->record_count++;
        evict(s);
    }
    link_newest(s, r);
    return r;
}

void pushc_record_release(struct pushc_session *s, struct pushc_record *r)
{
    r->refs--;
    if (r->refs == 0 && (r->mid[0] == '\0' || !r->done)) {
        destroy(s, r);
    }
}
