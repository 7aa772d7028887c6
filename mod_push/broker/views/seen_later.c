#include "broker/views/seen_later.h"

#include <string.h>

#include "broker/node/kept.h"
#include "broker/node/loading.h"
#include "redis/courier.h"
#include "store/ops/top.h"

#define LOT 64u /* partitions at once */

/* One that is kept, with its texts. */
typedef struct {
    push_kept_t kept; /* its texts are not used */
    unsigned partition;
    push_kept_shown_t room;
    uint32_t shown; /* bytes of it */
} entry_t;

typedef struct {
    push_top_t top;
    bool more;
} laters_t;

static int by_time(const void *one, const void *other)
{
    const entry_t *a = one, *b = other;

    if (a->kept.at != b->kept.at) {
        return a->kept.at < b->kept.at ? -1 : 1;
    }
    if (a->kept.id != b->kept.id) {
        return a->kept.id < b->kept.id ? -1 : 1;
    }
    return a->partition < b->partition ? -1 : a->partition > b->partition;
}

static bool same(const void *one, const void *other)
{
    return by_time(one, other) == 0;
}

static void take(laters_t *laters, const push_kept_t *kept, unsigned partition)
{
    entry_t entry = {
        .kept = *kept, .partition = partition, .shown = kept->shown.len};

    if (kept->shown.len <= sizeof(entry.room)
        && push_top_wants(&laters->top, &entry)) {
        memcpy(&entry.room, kept->shown.at, kept->shown.len);
        push_top_put(&laters->top, &entry);
    }
}

/* ---- to ask ---- */

static push_status_t take_answer(laters_t *laters,
                                 const push_request_t *request)
{
    push_status_t status = push_status_of_failure(request->failure);
    push_kept_t kept;
    unsigned count;
    bool more;

    if (status != PUSH_OK) {
        return status;
    }
    if (!push_laters_reply(request->reply, &count, &more)) {
        return PUSH_NO_STATE;
    }
    laters->more = laters->more || more;
    for (unsigned i = 0; i < count; i++) {
        if (push_laters_at(request->reply, i, &kept)) {
            take(laters, &kept, request->command.partition);
        }
    }
    return PUSH_OK;
}

static push_status_t ask_some(push_cluster_t *cluster, const push_view_t *what,
                              unsigned first, laters_t *laters)
{
    push_request_t requests[LOT];
    push_status_t status = PUSH_OK;

    for (unsigned i = 0; i < LOT; i++) {
        push_request_init(&requests[i], first + i);
        push_library_laters(&requests[i].command,
                            &(push_laters_call_t){
                                .home = push_cluster_home(cluster, first + i),
                                .prefix = what->list.prefix,
                                .count = what->list.limit});
        push_courier_send(cluster->courier, &requests[i]);
    }
    for (unsigned i = 0; i < LOT; i++) {
        push_courier_wait(cluster->courier, &requests[i]);
        if (status == PUSH_OK) {
            status = take_answer(laters, &requests[i]);
        }
        push_request_cleanup(&requests[i]);
    }
    return status;
}

/* ---- to show ---- */

static void show(entry_t *entry, const push_visitor_t *visitor)
{
    push_kept_shown_t room;
    push_later_view_t view;

    entry->kept.shown = (push_text_t){(const char *)&entry->room,
                                      entry->shown};
    if (push_kept_view(&entry->kept, entry->partition, &room, &view)) {
        visitor->later(visitor->data, &view);
    }
}

push_status_t push_seen_laters(push_cluster_t *cluster,
                               const push_view_t *what,
                               const push_visitor_t *visitor)
{
    laters_t laters = {.top = {.size = sizeof(entry_t),
                               .limit = what->list.limit,
                               .compare = by_time,
                               .same = same}};
    push_status_t status = PUSH_OK;

    if (!push_top_init(&laters.top)) {
        return PUSH_NO_MEMORY;
    }
    for (unsigned i = 0; i < PUSH_PARTITIONS && status == PUSH_OK; i += LOT) {
        status = ask_some(cluster, what, i, &laters);
    }
    for (uint32_t i = 0; status == PUSH_OK && i < laters.top.count; i++) {
        show(push_top_at(&laters.top, i), visitor);
    }
    *what->list.more = laters.more || laters.top.more;
    push_top_cleanup(&laters.top);
    return status;
}
