#include "store/shm/awaited.h"

#include <string.h>

#include "store/shm/clock.h"

/*
 * The idea: a set-associative table, whose lock is held for a few stores, and
 * a bell in each slot, which is looked at with the lock.
 */

static bool enter(push_awaited_t *table)
{
    /* What a death leaves is one slot half written, which its end sets free.
     */
    return push_lock_acquire(&table->lock) != PUSH_LOCK_BUSY;
}

static push_awaited_slot_t *set_of(push_awaited_t *table,
                                   const unsigned char *key)
{
    uint32_t mix = 2166136261u;

    for (unsigned i = 0; i < PUSH_AWAITED_KEY; i++) {
        mix = (mix ^ key[i]) * 16777619u;
    }
    return table->slots[(mix ^ mix >> 16) % PUSH_AWAITED_SETS];
}

/* ---- with the lock ---- */

static push_awaited_slot_t *find(push_awaited_t *table,
                                 const unsigned char *key)
{
    push_awaited_slot_t *set = set_of(table, key);

    for (unsigned i = 0; i < PUSH_AWAITED_WAYS; i++) {
        if (set[i].number && !memcmp(set[i].key, key, PUSH_AWAITED_KEY)) {
            return &set[i];
        }
    }
    return NULL;
}

static bool abandoned(const push_awaited_slot_t *slot,
                      const push_wait_begin_t *begin, int64_t now)
{
    return slot->until <= now
           || (begin->seats && slot->tag != PUSH_SEAT_NOBODY
               && !push_seat_held(begin->seats, slot->tag));
}

static push_awaited_slot_t *find_free(push_awaited_t *table,
                                      const push_wait_begin_t *begin,
                                      int64_t now)
{
    push_awaited_slot_t *set = set_of(table, begin->key);

    for (unsigned i = 0; i < PUSH_AWAITED_WAYS; i++) {
        if (!set[i].number || abandoned(&set[i], begin, now)) {
            return &set[i];
        }
    }
    return NULL;
}

static void take(push_awaited_t *table, push_awaited_slot_t *slot,
                 const push_wait_begin_t *begin, push_wait_ref_t *wait)
{
    uint32_t number = push_awaited_number(table);

    slot->tag = begin->tag;
    slot->happened = 0;
    slot->value = 0;
    slot->fence = 0;
    slot->by = 0;
    slot->until = push_clock_now().mono + begin->ms;
    memcpy(slot->key, begin->key, PUSH_AWAITED_KEY);
    slot->number = number;
    *wait = (push_wait_ref_t){.table = table,
                              .slot = slot,
                              .number = number,
                              .seen = push_bell_look(&slot->bell)};
}

static push_wait_result_t result_of(const push_wait_ref_t *wait)
{
    const push_awaited_slot_t *slot = wait->slot;

    return slot->number == wait->number
               ? (push_wait_result_t){slot->happened, slot->value, slot->fence,
                                      slot->by}
               : (push_wait_result_t){0};
}

/* ---- any thread ---- */

bool push_awaited_init(push_awaited_t *table)
{
    return !push_lock_init(&table->lock);
}

uint32_t push_awaited_number(push_awaited_t *table)
{
    uint32_t number;

    do {
        number = atomic_fetch_add(&table->numbers, 1) + 1;
    } while (!number);
    return number;
}

/* One look: PUSH_KEY_BUSY: another thread has this key. */
static push_status_t try_begin(push_awaited_t *table,
                               const push_wait_begin_t *begin,
                               push_wait_ref_t *wait)
{
    int64_t now = push_clock_now().mono;
    push_status_t status = PUSH_OK;
    push_awaited_slot_t *slot;

    if (!enter(table)) {
        return PUSH_BUSY;
    }
    slot = find(table, begin->key);
    if (slot && !abandoned(slot, begin, now)) {
        wait->slot = slot;
        wait->seen = push_bell_look(&slot->bell);
        status = PUSH_KEY_BUSY;
    }
    else {
        slot = slot ? slot : find_free(table, begin, now);
        if (slot) {
            take(table, slot, begin, wait);
        }
        else {
            status = PUSH_BUSY;
        }
    }
    push_lock_release(&table->lock);
    return status;
}

push_status_t push_awaited_begin(push_awaited_t *table,
                                 push_wait_begin_t *begin,
                                 push_wait_ref_t *wait)
{
    int64_t until = push_clock_now().mono + begin->patience;
    push_status_t status = try_begin(table, begin, wait);

    begin->after = status == PUSH_KEY_BUSY;
    while (status == PUSH_KEY_BUSY) {
        int64_t left = until - push_clock_now().mono;

        if (left <= 0) {
            return PUSH_BUSY;
        }
        push_bell_wait(&wait->slot->bell, wait->seen, left);
        status = try_begin(table, begin, wait);
    }
    return status;
}

void push_awaited_again(push_wait_ref_t *wait, int64_t ms)
{
    if (!enter(wait->table)) {
        return;
    }
    if (wait->slot->number == wait->number) {
        wait->slot->happened &= PUSH_AWAITED_WANTED;
        wait->slot->until = push_clock_now().mono + ms;
        wait->seen = push_bell_look(&wait->slot->bell);
    }
    push_lock_release(&wait->table->lock);
}

static push_wait_result_t look_at(push_wait_ref_t *wait)
{
    push_wait_result_t result = {0};

    wait->seen = push_bell_look(&wait->slot->bell);
    if (enter(wait->table)) {
        result = result_of(wait);
        push_lock_release(&wait->table->lock);
    }
    return result;
}

push_wait_result_t push_awaited_wait(push_wait_ref_t *wait, uint32_t what,
                                     int64_t ms)
{
    int64_t until = push_clock_now().mono + ms;
    push_wait_result_t result = look_at(wait);

    while (!(result.happened & what)) {
        int64_t left = until - push_clock_now().mono;

        if (left <= 0) {
            break;
        }
        push_bell_wait(&wait->slot->bell, wait->seen, left);
        result = look_at(wait);
    }
    return result;
}

push_wait_result_t push_awaited_end(push_wait_ref_t *wait)
{
    push_wait_result_t result = {0};

    if (!enter(wait->table)) {
        return result; /* its time ends it */
    }
    result = result_of(wait);
    if (wait->slot->number == wait->number) {
        wait->slot->number = 0;
    }
    push_lock_release(&wait->table->lock);
    push_bell_ring(&wait->slot->bell);
    return result;
}

/* ---- the link ---- */

bool push_awaited_has(push_awaited_t *table, const unsigned char *key)
{
    const push_awaited_slot_t *slot;
    bool has;

    if (!enter(table)) {
        return false;
    }
    slot = find(table, key);
    has = slot && slot->until > push_clock_now().mono;
    push_lock_release(&table->lock);
    return has;
}

bool push_awaited_tell(push_awaited_t *table, const unsigned char *key,
                       const push_wait_result_t *result)
{
    push_awaited_slot_t *slot;

    if (!enter(table)) {
        return false;
    }
    slot = find(table, key);
    if (slot && slot->until <= push_clock_now().mono) {
        slot = NULL;
    }
    if (slot) {
        slot->happened |= result->happened;
        if (result->happened & PUSH_AWAITED_WANTED) {
            slot->by = result->by;
            slot->fence = result->fence;
        }
        else {
            slot->value = result->value;
        }
    }
    push_lock_release(&table->lock);
    if (slot) {
        push_bell_ring(&slot->bell);
    }
    return slot != NULL;
}
