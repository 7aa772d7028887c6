#include "store/ops/later_list.h"

#include <string.h>

#include "store/ops/top.h"
#include "store/ops/walk.h"
#include "store/shard/later.h"

/* One that is kept, but for its payload. */
typedef struct {
    int64_t at;
    uint64_t id;
    push_later_body_t body; /* its lengths are those of what follows */
    char texts[PUSH_NAME_MAX + PUSH_DEVICE_MAX + PUSH_TOPIC_MAX
               + PUSH_EVENT_MAX + PUSH_TYPE_MAX + PUSH_TRACEPARENT_BYTES];
    uint32_t size; /* of the payload */
} entry_t;

typedef struct {
    const push_list_t *list;
    push_top_t top;
} laters_t;

static int by_time(const void *one, const void *other)
{
    const entry_t *a = one, *b = other;

    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool same(const void *one, const void *other)
{
    return ((const entry_t *)one)->id == ((const entry_t *)other)->id;
}

static bool begins_with(push_text_t name, push_text_t prefix)
{
    return name.len >= prefix.len
           && (!prefix.len || !memcmp(name.at, prefix.at, prefix.len));
}

static void take(void *data, const push_heap_t *heap, const void *node)
{
    laters_t *laters = data;
    const push_later_t *later = node;
    push_publication_t kept;
    entry_t entry = {.at = later->at, .id = later->id};
    const push_later_body_t *body;

    if (push_later_state(later) != PUSH_LATER_KEPT) {
        return;
    }
    body = push_later_body(heap, later);
    if (!push_later_read(body, body->size, &kept)
        || !begins_with(kept.audience.name, laters->list->prefix)
        || !push_top_wants(&laters->top, &entry)) {
        return;
    }
    entry.size = kept.spec.content.data.len;
    kept.spec.content.data.len = 0;
    push_later_write(&kept, &entry.body);
    push_top_put(&laters->top, &entry);
}

static void show(const entry_t *entry, const push_visitor_t *visitor)
{
    push_later_view_t view = {.id = entry->id,
                              .state = PUSH_LATER_KEPT,
                              .at = entry->at,
                              .size = entry->size};

    if (push_later_read(&entry->body, entry->body.size, &view.publication)) {
        visitor->later(visitor->data, &view);
    }
}

push_status_t push_later_list(push_store_t *store, const push_view_t *what,
                              const push_visitor_t *visitor)
{
    laters_t laters = {.list = &what->list,
                       .top = {.size = sizeof(entry_t),
                               .limit = what->list.limit,
                               .compare = by_time,
                               .same = same}};

    if (!push_top_init(&laters.top)) {
        return PUSH_NO_MEMORY;
    }
    push_walk(store,
              offsetof(push_shard_t, later)
                  + offsetof(push_later_part_t, nodes),
              take, &laters);
    for (uint32_t i = 0; i < laters.top.count; i++) {
        show(push_top_at(&laters.top, i), visitor);
    }
    *what->list.more = laters.top.more;
    push_top_cleanup(&laters.top);
    return PUSH_OK;
}
