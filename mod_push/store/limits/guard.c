#include "store/limits/guard.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/hash.h"

/*
 * A mark is in the set that its hash names, or nowhere, so nothing has to be
 * repaired.  The first set is full when a table has some 40,000 marks: then
 * of rates the fullest bucket is forgotten, a ticket is refused (503), and so
 * is a revocation, for none may be forgotten.  A lock is held for one look
 * (0.3 us), with no other lock.  Where it cannot be had, a rate lets through,
 * and a ticket or a token that may be revoked is refused; while nothing was
 * ever revoked, tokens take no lock.
 *
 * Streams of an address are counted by two arrays of counters under two parts
 * of a hash, of which the lesser counts (a count-min sketch): with 50,000
 * addresses fewer than 20 seem to have more than six streams.
 */

#define NS    INT64_C(1000000000)
#define NS_MS INT64_C(1000000)

static int64_t mono_ns(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * NS + at.tv_nsec;
}

void push_guard_id(const push_guard_t *guard, push_text_t name, uint64_t id[2])
{
    id[0] = push_hash(guard->hash_key, name.at, name.len);
    id[1] = push_hash(guard->hash_key + 2, name.at, name.len);
}

void push_guard_rekey(push_guard_t *guard, const uint64_t key[2])
{
    for (uint64_t i = 0; i < 4; i++) {
        guard->hash_key[i] = push_hash(key, &i, sizeof(i));
    }
}

static bool create_marks(push_marks_t *marks)
{
    for (unsigned i = 0; i < PUSH_MARK_LOCKS; i++) {
        if (push_lock_init(&marks->locks[i])) {
            return false;
        }
    }
    return true;
}

bool push_guard_create(push_guard_t *guard)
{
    return getrandom(guard->secret, sizeof(guard->secret), 0)
               == sizeof(guard->secret)
           && getrandom(guard->hash_key, sizeof(guard->hash_key), 0)
                  == sizeof(guard->hash_key)
           && create_marks(&guard->rates) && create_marks(&guard->tickets)
           && create_marks(&guard->revoked) && create_marks(&guard->newest);
}

/* ---- marks ---- */

/* One name's set in a table, locked. */
typedef struct {
    push_lock_t *lock;
    push_mark_t *set;
    uint64_t id[2];
    int64_t now; /* mono ns */
} search_t;

/* False if the lock cannot be had in good time. */
static bool search_set(search_t *search, push_marks_t *marks, unsigned set)
{
    search->set = marks->sets[set];
    search->lock = &marks->locks[set % PUSH_MARK_LOCKS];
    search->now = mono_ns();
    return push_lock_acquire(search->lock) != PUSH_LOCK_BUSY;
}

static bool search_id(search_t *search, push_marks_t *marks,
                      const uint64_t id[2])
{
    memcpy(search->id, id, sizeof(search->id));
    return search_set(search, marks, (unsigned)(id[0] % PUSH_MARK_SETS));
}

static bool search_begin(search_t *search, const push_guard_t *guard,
                         push_marks_t *marks, push_text_t name)
{
    uint64_t id[2];

    push_guard_id(guard, name, id);
    return search_id(search, marks, id);
}

static bool is_over(const search_t *search, const push_mark_t *mark)
{
    return mark->until <= search->now / NS_MS;
}

/* The name's mark, or NULL. */
static push_mark_t *find(const search_t *search)
{
    for (unsigned i = 0; i < PUSH_MARK_WAYS; i++) {
        push_mark_t *mark = &search->set[i];

        if (!is_over(search, mark) && mark->id[0] == search->id[0]
            && mark->id[1] == search->id[1]) {
            return mark;
        }
    }
    return NULL;
}

/* The mark of its set that is over first. */
static push_mark_t *soonest_over(const search_t *search)
{
    push_mark_t *found = search->set;

    for (unsigned i = 1; i < PUSH_MARK_WAYS; i++) {
        if (search->set[i].until < found->until) {
            found = &search->set[i];
        }
    }
    return found;
}

/*
 * until comes last: before, the entry is free.  Only the compiler has to be
 * kept from moving it, see core/failpoint.h.
 */
static void set_mark(const search_t *search, push_mark_t *mark, int64_t value,
                     int64_t until)
{
    mark->until = 0;
    memcpy(mark->id, search->id, sizeof(mark->id));
    mark->value = value;
    atomic_signal_fence(memory_order_seq_cst);
    mark->until = until;
}

/* ---- rates ---- */

bool push_guard_take(push_guard_t *guard, push_rate_kind_t kind,
                     push_text_t name, uint32_t limit, push_rate_t *rate)
{
    push_mark_t *mark;
    search_t search;
    int64_t full_at;
    bool taken;

    *rate = (push_rate_t){limit, limit, 0};
    if (!search_begin(&search, guard, &guard->rates, name)) {
        return true;
    }
    search.id[1] ^= kind; /* a user and a publisher of one name are two */
    mark = find(&search);
    full_at = mark ? mark->value : 0;
    taken = push_rate_take(&full_at, search.now, limit, rate);
    set_mark(&search, mark ? mark : soonest_over(&search), full_at,
             full_at / NS_MS + 1);
    push_lock_release(search.lock);
    return taken;
}

/* ---- tickets ---- */

push_status_t push_guard_use(push_guard_t *guard, push_text_t ticket,
                             int64_t until)
{
    push_status_t status = PUSH_OVER;
    push_mark_t *entry;
    search_t search;

    if (!search_begin(&search, guard, &guard->tickets, ticket)) {
        return PUSH_BUSY;
    }
    if (!find(&search)) {
        entry = soonest_over(&search);
        status = PUSH_BUSY;
        if (is_over(&search, entry)) {
            set_mark(&search, entry, 0, until);
            status = PUSH_OK;
        }
    }
    push_lock_release(search.lock);
    return status;
}

/* ---- values ---- */

bool push_guard_differs(push_guard_t *guard, push_text_t name, int64_t value,
                        int64_t until)
{
    push_mark_t *mark;
    search_t search;
    bool differs;

    if (!search_begin(&search, guard, &guard->newest, name)) {
        return true;
    }
    mark = find(&search);
    differs = !mark || mark->value != value;
    set_mark(&search, mark ? mark : soonest_over(&search), value, until);
    push_lock_release(search.lock);
    return differs;
}

/* ---- revocations ---- */

/* Tokens revoked up to the later moment were so up to the earlier one. */
static void unite(push_mark_t *mark, const push_mark_t *with)
{
    if (mark->value < with->value) {
        mark->value = with->value;
    }
    if (mark->until < with->until) {
        mark->until = with->until;
    }
}

push_status_t push_guard_restore(push_guard_t *guard, const push_mark_t *mark)
{
    push_status_t status = PUSH_TOO_MANY;
    push_mark_t *entry;
    search_t search;

    if (!search_id(&search, &guard->revoked, mark->id)) {
        return PUSH_BUSY;
    }
    entry = find(&search);
    if (entry) {
        unite(entry, mark);
        status = PUSH_OK;
    }
    else if (is_over(&search, soonest_over(&search))) {
        set_mark(&search, soonest_over(&search), mark->value, mark->until);
        atomic_fetch_add(&guard->revocations, 1);
        status = PUSH_OK;
    }
    push_lock_release(search.lock);
    return status;
}

push_status_t push_guard_revoke(push_guard_t *guard, push_text_t user,
                                int64_t now, int64_t until)
{
    push_mark_t mark = {.until = until, .value = now};

    push_guard_id(guard, user, mark.id);
    return push_guard_restore(guard, &mark);
}

bool push_guard_find(push_guard_t *guard, const uint64_t id[2],
                     push_mark_t *found)
{
    const push_mark_t *mark;
    search_t search;

    if (!search_id(&search, &guard->revoked, id)) {
        return false;
    }
    mark = find(&search);
    *found = mark ? *mark : (push_mark_t){.until = 0};
    push_lock_release(search.lock);
    return true;
}

bool push_guard_set(push_guard_t *guard, unsigned set,
                    push_mark_t found[PUSH_MARK_WAYS], unsigned *count)
{
    search_t search;

    if (!search_set(&search, &guard->revoked, set)) {
        return false;
    }
    *count = 0;
    for (unsigned i = 0; i < PUSH_MARK_WAYS; i++) {
        if (!is_over(&search, &search.set[i])) {
            found[(*count)++] = search.set[i];
        }
    }
    push_lock_release(search.lock);
    return true;
}

bool push_guard_revoked(push_guard_t *guard, push_text_t user, int64_t issued)
{
    const push_mark_t *mark;
    search_t search;
    bool revoked;

    if (!atomic_load(&guard->revocations)) {
        return false;
    }
    if (!search_begin(&search, guard, &guard->revoked, user)) {
        return true;
    }
    mark = find(&search);
    revoked = mark && issued <= mark->value;
    push_lock_release(search.lock);
    return revoked;
}

/* ---- streams of an address ---- */

static uint32_t counter_of(uint32_t address, unsigned which)
{
    return address >> (16 * which) & 0xffffu;
}

static _Atomic uint32_t *counter(push_guard_t *guard, uint32_t address,
                                 unsigned which)
{
    return &guard->addresses[which][counter_of(address, which)];
}

void push_guard_tally(push_address_tally_t *tally, uint32_t address)
{
    tally->counts[0][counter_of(address, 0)]++;
    tally->counts[1][counter_of(address, 1)]++;
}

void push_guard_set_addresses(push_guard_t *guard,
                              const push_address_tally_t *tally)
{
    for (unsigned which = 0; which < 2; which++) {
        for (unsigned i = 0; i < PUSH_ADDRESS_COUNTERS; i++) {
            atomic_store(&guard->addresses[which][i], tally->counts[which][i]);
        }
    }
}

uint32_t push_guard_address(const push_guard_t *guard, push_text_t address)
{
    return guard
               ? (uint32_t)push_hash(guard->hash_key, address.at, address.len)
               : 0;
}

static uint32_t lesser(uint32_t one, uint32_t other)
{
    return one < other ? one : other;
}

uint32_t push_guard_streams(push_guard_t *guard, uint32_t address)
{
    return guard ? lesser(atomic_load(counter(guard, address, 0)),
                          atomic_load(counter(guard, address, 1)))
                 : 0;
}

uint32_t push_guard_enter(push_guard_t *guard, uint32_t address)
{
    uint32_t first, second;

    if (!guard) {
        return 1;
    }
    first = atomic_fetch_add(counter(guard, address, 0), 1) + 1;
    second = atomic_fetch_add(counter(guard, address, 1), 1) + 1;
    return lesser(first, second);
}

void push_guard_leave(push_guard_t *guard, uint32_t address)
{
    if (guard) {
        atomic_fetch_sub(counter(guard, address, 0), 1);
        atomic_fetch_sub(counter(guard, address, 1), 1);
    }
}
