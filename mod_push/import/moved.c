#include "import/moved.h"

#include <stdlib.h>
#include <string.h>

static int compare_mids(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

static int compare_logs(const push_message_record_t *message, uint32_t kind,
                        push_text_t name)
{
    if (message->kind != kind) {
        return message->kind < kind ? -1 : 1;
    }
    if (message->name.len != name.len) {
        return message->name.len < name.len ? -1 : 1;
    }
    return name.len ? memcmp(message->name.at, name.at, name.len) : 0;
}

static int by_log(const void *a, const void *b)
{
    const push_message_record_t *x = &((const push_moved_t *)a)->message;
    const push_message_record_t *y = &((const push_moved_t *)b)->message;
    int order = compare_logs(x, y->kind, y->name);

    return order ? order : compare_mids(x->stored.mid, y->stored.mid);
}

static int by_mid(const void *a, const void *b)
{
    const push_moved_t *x = *(push_moved_t *const *)a;
    const push_moved_t *y = *(push_moved_t *const *)b;

    return compare_mids(x->message.stored.mid, y->message.stored.mid);
}

static void fill(push_moves_t *moves, push_record_t *const *records,
                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const push_record_t *record = records[i];
        push_moved_t *moved = &moves->at[moves->count];
        push_text_t key = {(const char *)record->key, record->key_len};
        push_text_t value = {(const char *)record->value, record->len};

        moved->record = record;
        moves->count += push_message_read(key, value, &moved->message);
    }
}

bool push_moves_create(push_moves_t *moves, push_record_t *const *records,
                       size_t count)
{
    *moves = (push_moves_t){.at = calloc(count + 1, sizeof(*moves->at)),
                            .by_mid = calloc(count + 1,
                                             sizeof(push_moved_t *))};
    if (!moves->at || !moves->by_mid) {
        return false;
    }
    fill(moves, records, count);
    qsort(moves->at, moves->count, sizeof(*moves->at), by_log);
    for (size_t i = 0; i < moves->count; i++) {
        moves->by_mid[i] = &moves->at[i];
    }
    qsort(moves->by_mid, moves->count, sizeof(push_moved_t *), by_mid);
    return true;
}

void push_moves_cleanup(push_moves_t *moves)
{
    free(moves->at);
    free(moves->by_mid);
}

const push_moved_t *push_moves_find(const push_moves_t *moves, uint64_t old)
{
    size_t low = 0;
    size_t high = moves->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (moves->by_mid[middle]->message.stored.mid < old) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low < moves->count && moves->by_mid[low]->message.stored.mid == old
               ? moves->by_mid[low]
               : NULL;
}

/* The first message of the log from this mid on, or one of a log behind it. */
static size_t first_from(const push_moves_t *moves,
                         const push_moved_lane_t *lane, uint64_t old)
{
    size_t low = 0;
    size_t high = moves->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const push_message_record_t *message = &moves->at[middle].message;
        int order = compare_logs(message, lane->kind, lane->name);

        if (order < 0 || (!order && message->stored.mid < old)) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

static bool is_of_log(const push_moved_t *moved, const push_moved_lane_t *lane)
{
    return !compare_logs(&moved->message, lane->kind, lane->name);
}

static bool is_there(const push_moved_t *moved, const push_moved_lane_t *lane)
{
    return moved->mid
           && (lane->lane == PUSH_LANES
               || moved->message.stored.urgency == lane->lane);
}

uint64_t push_moves_cursor(const push_moves_t *moves,
                           const push_moved_lane_t *lane, uint64_t old)
{
    size_t first = first_from(moves, lane, old);

    for (size_t i = first; i < moves->count && is_of_log(&moves->at[i], lane);
         i++) {
        if (is_there(&moves->at[i], lane)) {
            return moves->at[i].mid;
        }
    }
    for (size_t i = first; i > 0 && is_of_log(&moves->at[i - 1], lane); i--) {
        if (is_there(&moves->at[i - 1], lane)) {
            return moves->at[i - 1].mid + 1;
        }
    }
    return 0;
}
