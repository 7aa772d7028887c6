#include "store/shard/report.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/families.h"

/*
 * The class `other` has no tally, so that who counts does nothing for it: it
 * is derived where a minute is closed, and where the open one is read, as all
 * that the counters have (of the whole server, as <admin>/stats has them) less
 * what the named classes have.  It is the same with names and without, so
 * giving names, or taking them back, makes no jump.
 *
 * A message of a name is tallied first and counted then; so the counters are
 * read first and the tallies then: whatever happens meanwhile makes `other`
 * too small at most, and only until the next look.  Of each figure it is kept
 * how much was accounted for (push_reports_base_t), and only what is more than
 * that is accounted for once more; so nothing is accounted for twice, as
 * `other` and by its name.  Who is killed between the two stores has told of
 * it by its name, and `other` has one less.
 */

bool push_report_enter(push_store_t *store)
{
    return push_lock_acquire(&store->reports->lock) != PUSH_LOCK_BUSY;
}

void push_report_leave(push_store_t *store)
{
    push_lock_release(&store->reports->lock);
}

static uint32_t figure(const _Atomic uint32_t *of)
{
    return atomic_load_explicit(of, memory_order_relaxed);
}

static void add_tally(push_sums_t *sums, const push_tally_t *tally)
{
    for (unsigned i = 0; i < PUSH_CLASSES; i++) {
        for (unsigned j = 0; j < PUSH_TALLIES; j++) {
            sums->of[i][j] += figure(&tally->of[i][j]);
        }
    }
}

_Static_assert((int)PUSH_TALLIES == (int)PUSH_TOTALS
                   && (int)PUSH_TALLY_FILTERED == (int)PUSH_TOTAL_FILTERED
                   && (int)PUSH_TALLY_ACKED == (int)PUSH_TOTAL_ACKED,
               "a figure of reports is one of stats");

/* All classes as `other`. */
static void add_totals(const push_store_t *store, push_sums_t *sums)
{
    uint64_t counts[PUSH_COUNTS];

    push_store_counts(store, counts);
    for (int i = 0; i < PUSH_TALLIES; i++) {
        sums->of[PUSH_CLASS_OTHER][i] += (uint32_t)push_total_of(
            counts, (push_total_t)i);
    }
}

static void add_named(const push_store_t *store, push_sums_t *sums)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        add_tally(sums, &store->counted[i].by_class);
    }
    for (uint32_t i = 0; i < store->seats.count; i++) {
        const push_seat_t *seat = &store->seats.seats[i];

        for (unsigned j = 0; j < PUSH_CLASSES; j++) {
            sums->of[j][PUSH_TALLY_DELIVERED] += figure(&seat->delivered[j]);
        }
    }
}

void push_report_sums(const push_store_t *store, push_sums_t *sums)
{
    memset(sums, 0, sizeof(*sums));
    add_totals(store, sums);
    atomic_thread_fence(memory_order_acquire);
    add_named(store, sums);
    for (unsigned i = PUSH_CLASS_NAMED; i < PUSH_CLASSES; i++) {
        for (unsigned j = 0; j < PUSH_TALLIES; j++) {
            sums->of[PUSH_CLASS_OTHER][j] -= sums->of[i][j];
        }
    }
}

void push_report_open(const push_store_t *store, push_period_t step,
                      push_figures_t *figures)
{
    const push_figures_t *day = &push_reports_base(store->reports)->day;
    push_sums_t sums;

    push_report_sums(store, &sums);
    push_reports_open(store->reports, &sums, figures);
    for (unsigned i = 0; step == PUSH_STEP_DAY && i < PUSH_CLASSES; i++) {
        for (unsigned j = 0; j < PUSH_TALLIES; j++) {
            figures->of[i][j] += day->of[i][j];
        }
    }
}

int64_t push_report_open_time(const push_store_t *store, push_period_t step)
{
    int64_t minute = push_reports_base(store->reports)->minute;

    return step == PUSH_STEP_DAY ? minute / PUSH_MINUTES_KEPT : minute;
}

bool push_report_close(push_store_t *store, const push_time_t *now,
                       int64_t *minute)
{
    push_sums_t sums;
    bool closed;

    /* One sweep at a time: nobody else changes it. */
    if (push_report_open_time(store, PUSH_STEP_MINUTE)
            == now->wall / PUSH_MINUTE_MS
        || !push_report_enter(store)) {
        return false;
    }
    push_report_sums(store, &sums);
    closed = push_reports_close(store->reports, &sums, now->wall, minute);
    push_report_leave(store);
    return closed;
}

push_status_t push_report_rename(push_store_t *store, push_naming_t *naming)
{
    bool given;

    if (!push_report_enter(store)) {
        return PUSH_BUSY;
    }
    given = push_reports_rename(store->reports, naming);
    push_reports_classes(store->reports, &store->classes);
    push_report_leave(store);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        store->heaps[i].tally = naming->count ? &store->counted[i].by_class
                                              : NULL;
    }
    return given ? PUSH_OK : PUSH_OVER;
}

/* ---- reading ---- */

/* The figures of one class in one entry. */
typedef struct {
    int64_t time; /* wall ms */
    unsigned class;
    bool open;
    uint64_t of[PUSH_TALLIES];
} found_t;

typedef struct {
    const push_report_query_t *query;
    found_t *at;
    size_t count, room;
    bool failed;
    push_class_name_t names[PUSH_CLASSES];
} search_t;

static bool make_room(search_t *search)
{
    size_t room = search->room ? search->room * 2 : 256;
    found_t *at;

    if (search->count < search->room) {
        return true;
    }
    at = realloc(search->at, room * sizeof(*at));
    if (!at) {
        search->failed = true;
        return false;
    }
    search->at = at;
    search->room = room;
    return true;
}

static bool is_empty(const uint64_t of[PUSH_TALLIES])
{
    static const uint64_t nothing[PUSH_TALLIES];

    return !memcmp(of, nothing, sizeof(nothing));
}

static void take(search_t *search, int64_t time, const push_figures_t *figures,
                 bool open)
{
    for (unsigned i = 0; i < PUSH_CLASSES; i++) {
        found_t found = {
            .time = time, .class = search->query->total ? 0 : i, .open = open};

        if (!is_empty(figures->of[i]) && make_room(search)) {
            memcpy(found.of, figures->of[i], sizeof(found.of));
            search->at[search->count++] = found;
        }
    }
}

/* Asked for, and kept: what is older has its place in the ring by chance. */
static bool is_wanted(const push_report_query_t *query, int64_t time)
{
    return time >= query->from && time < query->to
           && time + push_step_ms(query->step) + push_step_kept_ms(query->step)
                  > query->now.wall;
}

/* With the lock. */
static void search_all(const push_store_t *store, search_t *search)
{
    const push_report_query_t *query = search->query;
    int64_t ms = push_step_ms(query->step);
    int64_t time = push_report_open_time(store, query->step) * ms;
    push_reports_entry_t entry = {0};
    push_figures_t figures;

    while (push_reports_next(store->reports, query->step, &entry)) {
        if (is_wanted(query, entry.head.time * ms)) {
            memset(&figures, 0, sizeof(figures));
            push_reports_add(store->reports, query->step, &entry, &figures);
            take(search, entry.head.time * ms, &figures, false);
        }
    }
    /* Before the first sweep no minute has begun. */
    time = time ? time : query->now.wall / ms * ms;
    if (is_wanted(query, time)) {
        push_report_open(store, query->step, &figures);
        take(search, time, &figures, true);
    }
    for (unsigned i = 0; i < PUSH_CLASS_NAMES; i++) {
        search->names[PUSH_CLASS_NAMED + i] = store->reports->names[i].name;
    }
}

static int by_time(const void *a, const void *b)
{
    const found_t *x = a;
    const found_t *y = b;

    if (x->time != y->time) {
        return x->time < y->time ? -1 : 1;
    }
    return x->class < y->class ? -1 : x->class > y->class;
}

static push_text_t name_of(const search_t *search, unsigned class)
{
    const push_class_name_t *name = &search->names[class];

    if (search->query->total) {
        return (push_text_t){NULL, 0};
    }
    return class == PUSH_CLASS_OTHER ? (push_text_t){"other", 5}
                                     : (push_text_t){name->text, name->len};
}

/* The row that begins at first; returns how many are summed up in it. */
static size_t sum_up(const search_t *search, size_t first,
                     push_report_row_t *row)
{
    const found_t *found = &search->at[first];
    size_t i = first;

    *row = (push_report_row_t){.time = found->time,
                               .event = name_of(search, found->class)};
    while (i < search->count && !by_time(&search->at[i], found)) {
        for (unsigned j = 0; j < PUSH_TALLIES; j++) {
            row->of[j] += search->at[i].of[j];
        }
        row->open |= search->at[i].open;
        i++;
    }
    return i - first;
}

push_status_t push_report_read(push_store_t *store,
                               const push_report_query_t *query,
                               push_report_visit_t *visit, void *data)
{
    search_t search = {.query = query};
    size_t i = 0;

    if (!push_report_enter(store)) {
        return PUSH_BUSY;
    }
    search_all(store, &search);
    push_report_leave(store);
    if (search.count) {
        qsort(search.at, search.count, sizeof(*search.at), by_time);
    }
    while (!search.failed && i < search.count) {
        push_report_row_t row;

        i += sum_up(&search, i, &row);
        visit(data, &row);
    }
    free(search.at);
    return search.failed ? PUSH_NO_MEMORY : PUSH_OK;
}
