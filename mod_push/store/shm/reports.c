#include "store/shm/reports.h"

#include <string.h>

#include "core/hash.h"

/*
 * The idea: counting goes on in blocks that only rise, and once a minute one
 * process takes the difference of their sums to those of a minute before.  So
 * who counts knows nothing of minutes, and the rings have one writer.
 *
 * A ring is a row of bytes that begins anew at its end, of entries: a time,
 * and the figures of the classes that have any.  A minute in which nothing
 * happened has no entry, and a busy one some 12 bytes a class; so a day takes
 * as much as happened in it, and what has no room pushes out the oldest.
 *
 * A close changes the sums, the day, the rings and the minute at once or not
 * at all: all of it stands twice (push_reports_base_t), the one that is not
 * valid is written, and one store makes it so.  Who is killed before has done
 * nothing: the next one closes the same minute, from the same sums.  The bytes
 * of a new entry go where no valid one is: each close leaves room for the next.
 *
 * Times are those of the wall clock.  When it is set back, the times of a ring
 * come a second time; who reads adds up what has the same.
 */

#define ENTRY_MAX (sizeof(push_entry_head_t) + PUSH_REPORT_ROWS)

/* A ring's part of the segment, and the least and most of it. */
static const struct {
    uint32_t part, least, most;
} rings[PUSH_STEPS] = {{64, 32u << 10, 640u << 10},
                       {512, 16u << 10, 128u << 10}};

/* A name that has gone may be counted for so long by those that go too, ms. */
#define LEAVE_MS INT64_C(3600000)

static uint32_t room_for(push_period_t step, uint64_t size)
{
    uint64_t room = size / rings[step].part / 64 * 64;

    return (uint32_t)(room < rings[step].least  ? rings[step].least
                      : room > rings[step].most ? rings[step].most
                                                : room);
}

uint64_t push_reports_size(uint64_t size)
{
    return sizeof(push_reports_t) + room_for(PUSH_STEP_MINUTE, size)
           + room_for(PUSH_STEP_DAY, size);
}

int push_reports_create(push_reports_t *reports, uint64_t size)
{
    reports->rooms[PUSH_STEP_MINUTE] = room_for(PUSH_STEP_MINUTE, size);
    reports->rooms[PUSH_STEP_DAY] = room_for(PUSH_STEP_DAY, size);
    return push_lock_init(&reports->lock);
}

const push_reports_base_t *push_reports_base(const push_reports_t *reports)
{
    return &reports->bases[atomic_load(&reports->valid) % 2];
}

/* ---- rows ---- */

static unsigned char *write_number(unsigned char *at, uint64_t number)
{
    while (number >= 0x80) {
        *at++ = (unsigned char)(number | 0x80);
        number >>= 7;
    }
    *at++ = (unsigned char)number;
    return at;
}

/*
 * A row is the byte of its class, a byte that says which figures it has, and
 * these.  A byte speaks of eight: of those from there on is a row of its own,
 * whose class has one bit more.
 */
#define ROW_FIGURES 8u
#define ROW_FURTHER 0x80u

_Static_assert(PUSH_CLASSES <= ROW_FURTHER && PUSH_TALLIES <= 2 * ROW_FIGURES,
               "two rows of a class have all of its figures");

/* The figures from first on. */
static unsigned char *write_row(unsigned char *at, unsigned class,
                                unsigned first,
                                const uint64_t of[PUSH_TALLIES])
{
    unsigned char *which = at + 1;

    *at = (unsigned char)(first ? class | ROW_FURTHER : class);
    *which = 0;
    at += 2;
    for (unsigned i = first; i < first + ROW_FIGURES && i < PUSH_TALLIES;
         i++) {
        if (of[i]) {
            *which |= (unsigned char)(1u << (i - first));
            at = write_number(at, of[i]);
        }
    }
    return *which ? at : which - 1;
}

size_t push_rows_write(const push_figures_t *figures,
                       unsigned char rows[PUSH_REPORT_ROWS])
{
    unsigned char *at = rows;

    for (unsigned i = 0; i < PUSH_CLASSES; i++) {
        at = write_row(at, i, 0, figures->of[i]);
        at = write_row(at, i, ROW_FIGURES, figures->of[i]);
    }
    return (size_t)(at - rows);
}

static bool read_number(const unsigned char **at, const unsigned char *end,
                        uint64_t *number)
{
    unsigned shift = 0;

    *number = 0;
    while (*at < end && shift < 64) {
        unsigned char byte = *(*at)++;

        *number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
        shift += 7;
    }
    return false;
}

static bool read_row(push_figures_t *figures, const unsigned char **at,
                     const unsigned char *end)
{
    unsigned first = **at & ROW_FURTHER ? ROW_FIGURES : 0;
    unsigned class = *(*at)++ & ~ROW_FURTHER;
    unsigned which = *(*at)++;
    uint64_t number;

    if (class >= PUSH_CLASSES || which << first >> PUSH_TALLIES) {
        return false;
    }
    for (unsigned i = first; which; i++, which >>= 1) {
        if (which & 1u) {
            if (!read_number(at, end, &number)) {
                return false;
            }
            figures->of[class][i] += number;
        }
    }
    return true;
}

bool push_rows_add(push_figures_t *figures, const unsigned char *rows,
                   size_t len)
{
    const unsigned char *end = rows + len;
    bool well = true;

    while (well && end - rows >= 2) {
        well = read_row(figures, &rows, end);
    }
    return well && rows == end;
}

/* ---- rings ---- */

static unsigned char *ring_of(const push_reports_t *reports,
                              push_period_t step)
{
    unsigned char *ring = (unsigned char *)(uintptr_t)(reports + 1);

    return step == PUSH_STEP_MINUTE ? ring
                                    : ring + reports->rooms[PUSH_STEP_MINUTE];
}

/* Bytes up to the ring's end, of len at this place. */
static size_t to_end(const push_reports_t *reports, push_period_t step,
                     uint64_t at, size_t len)
{
    size_t left = reports->rooms[step] - (size_t)(at % reports->rooms[step]);

    return len < left ? len : left;
}

static void put(push_reports_t *reports, push_period_t step, uint64_t at,
                const unsigned char *bytes, size_t len)
{
    unsigned char *ring = ring_of(reports, step);
    size_t first = to_end(reports, step, at, len);

    memcpy(ring + at % reports->rooms[step], bytes, first);
    memcpy(ring, bytes + first, len - first);
}

static void get(const push_reports_t *reports, push_period_t step, uint64_t at,
                unsigned char *bytes, size_t len)
{
    const unsigned char *ring = ring_of(reports, step);
    size_t first = to_end(reports, step, at, len);

    memcpy(bytes, ring + at % reports->rooms[step], first);
    memcpy(bytes + first, ring, len - first);
}

/* The oldest go, until there is room for another entry. */
static void make_room(const push_reports_t *reports, push_period_t step,
                      push_span_t *span)
{
    while (span->head - span->tail + ENTRY_MAX > reports->rooms[step]) {
        push_entry_head_t head;

        get(reports, step, span->tail, (unsigned char *)&head, sizeof(head));
        span->tail += sizeof(head) + head.len;
    }
}

/* Into what is not valid yet. */
static void append(push_reports_t *reports, push_reports_base_t *next,
                   push_period_t step, int64_t time,
                   const push_figures_t *figures)
{
    unsigned char bytes[ENTRY_MAX];
    push_entry_head_t head = {.time = (int32_t)time};
    push_span_t *span = &next->spans[step];

    head.len = (uint16_t)push_rows_write(figures, bytes + sizeof(head));
    if (!head.len) {
        return;
    }
    memcpy(bytes, &head, sizeof(head));
    put(reports, step, span->head, bytes, sizeof(head) + head.len);
    PUSH_FAILPOINT("report-entry");
    span->head += sizeof(head) + head.len;
    make_room(reports, step, span);
}

bool push_reports_next(const push_reports_t *reports, push_period_t step,
                       push_reports_entry_t *entry)
{
    const push_span_t *span = &push_reports_base(reports)->spans[step];
    push_entry_head_t *head = &entry->head;

    entry->at = head->len ? entry->at + sizeof(*head) + head->len : span->tail;
    if (entry->at >= span->head) {
        return false;
    }
    get(reports, step, entry->at, (unsigned char *)head, sizeof(*head));
    return head->len && head->len <= PUSH_REPORT_ROWS;
}

void push_reports_add(const push_reports_t *reports, push_period_t step,
                      const push_reports_entry_t *entry,
                      push_figures_t *figures)
{
    unsigned char rows[PUSH_REPORT_ROWS];

    get(reports, step, entry->at + sizeof(entry->head), rows, entry->head.len);
    push_rows_add(figures, rows, entry->head.len);
}

/* ---- closing ---- */

/* The one that is not valid, as the one that is. */
static push_reports_base_t *begin(push_reports_t *reports)
{
    uint32_t valid = atomic_load(&reports->valid) % 2;

    reports->bases[1 - valid] = reports->bases[valid];
    return &reports->bases[1 - valid];
}

static void commit(push_reports_t *reports)
{
    PUSH_FAILPOINT("report-written");
    atomic_store(&reports->valid, 1 - atomic_load(&reports->valid) % 2);
    PUSH_FAILPOINT("report-valid");
}

static void add(push_figures_t *to, const push_figures_t *more)
{
    for (unsigned i = 0; i < PUSH_CLASSES; i++) {
        for (unsigned j = 0; j < PUSH_TALLIES; j++) {
            to->of[i][j] += more->of[i][j];
        }
    }
}

/* Of `other`, what is derived may for a while be less than it was. */
static bool is_behind(unsigned class, uint32_t more)
{
    return class == PUSH_CLASS_OTHER && more > INT32_MAX;
}

void push_reports_open(const push_reports_t *reports, const push_sums_t *sums,
                       push_figures_t *figures)
{
    const push_sums_t *before = &push_reports_base(reports)->before;

    for (unsigned i = 0; i < PUSH_CLASSES; i++) {
        for (unsigned j = 0; j < PUSH_TALLIES; j++) {
            uint32_t more = sums->of[i][j] - before->of[i][j];

            figures->of[i][j] = is_behind(i, more) ? 0 : more;
        }
    }
}

/* What is accounted for goes on from here; nothing of it goes back. */
static void account(push_sums_t *before, const push_figures_t *figures)
{
    for (unsigned i = 0; i < PUSH_CLASSES; i++) {
        for (unsigned j = 0; j < PUSH_TALLIES; j++) {
            before->of[i][j] += (uint32_t)figures->of[i][j];
        }
    }
}

static void close_minute(push_reports_t *reports, push_reports_base_t *next,
                         const push_sums_t *sums, int64_t now)
{
    int64_t day = next->minute / PUSH_MINUTES_KEPT;
    push_figures_t figures;

    push_reports_open(reports, sums, &figures);
    append(reports, next, PUSH_STEP_MINUTE, next->minute, &figures);
    add(&next->day, &figures);
    account(&next->before, &figures);
    if (now / PUSH_MINUTES_KEPT != day) {
        append(reports, next, PUSH_STEP_DAY, day, &next->day);
        memset(&next->day, 0, sizeof(next->day));
    }
}

bool push_reports_close(push_reports_t *reports, const push_sums_t *sums,
                        int64_t wall, int64_t *minute)
{
    int64_t now = wall / PUSH_MINUTE_MS;
    push_reports_base_t *next;

    *minute = push_reports_base(reports)->minute;
    if (*minute == now) {
        return false;
    }
    next = begin(reports);
    if (next->minute) {
        close_minute(reports, next, sums, now);
    }
    next->minute = now;
    commit(reports);
    return *minute != 0;
}

/* ---- names ---- */

/* Whether anything that is kept was counted by the class. */
static void find_used(const push_reports_t *reports, int64_t wall,
                      push_figures_t *used)
{
    *used = push_reports_base(reports)->day;
    for (int i = 0; i < PUSH_STEPS; i++) {
        push_period_t step = (push_period_t)i;
        int64_t since = (wall - push_step_kept_ms(step)) / push_step_ms(step);
        push_reports_entry_t entry = {0};

        while (push_reports_next(reports, step, &entry)) {
            if (entry.head.time >= since) {
                push_reports_add(reports, step, &entry, used);
            }
        }
    }
}

static bool is_used(const push_figures_t *used, unsigned name)
{
    for (unsigned i = 0; i < PUSH_TALLIES; i++) {
        if (used->of[PUSH_CLASS_NAMED + name][i]) {
            return true;
        }
    }
    return false;
}

static bool same(const push_class_name_t *a, const push_class_name_t *b)
{
    return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static push_reports_name_t *find_name(push_reports_t *reports,
                                      const push_class_name_t *name)
{
    for (unsigned i = 0; i < PUSH_CLASS_NAMES; i++) {
        if (same(&reports->names[i].name, name)) {
            return &reports->names[i];
        }
    }
    return NULL;
}

/* A free place for a name, or NULL. */
static push_reports_name_t *find_place(push_reports_t *reports,
                                       const push_time_t *now,
                                       const push_figures_t *used)
{
    for (unsigned i = 0; i < PUSH_CLASS_NAMES; i++) {
        push_reports_name_t *at = &reports->names[i];

        if (!at->name.len
            || (!at->active && at->left + LEAVE_MS <= now->mono
                && !is_used(used, i))) {
            return at;
        }
    }
    return NULL;
}

/* A name that is half written has no length: its place is free. */
static void take_place(push_reports_name_t *at, const push_class_name_t *name)
{
    at->name.len = 0;
    memcpy(at->name.text, name->text, sizeof(name->text));
    at->name.len = name->len;
}

static bool is_wanted(const push_naming_t *naming,
                      const push_reports_name_t *at)
{
    for (unsigned i = 0; i < naming->count; i++) {
        if (same(&naming->names[i], &at->name)) {
            return true;
        }
    }
    return false;
}

/* Those that stay first: none of them gives its place to another. */
static void mark_active(push_reports_t *reports, const push_naming_t *naming,
                        bool active)
{
    for (unsigned i = 0; i < PUSH_CLASS_NAMES; i++) {
        push_reports_name_t *at = &reports->names[i];

        if (at->name.len && is_wanted(naming, at) == active
            && at->active != active) {
            at->left = naming->now.mono;
            at->active = active;
        }
    }
}

static void give_class(push_reports_t *reports, const push_class_name_t *name,
                       push_naming_t *naming, const push_figures_t *used)
{
    push_reports_name_t *at = find_name(reports, name);

    if (!at) {
        at = find_place(reports, &naming->now, used);
        if (at) {
            take_place(at, name);
        }
    }
    if (at) {
        at->active = 1;
    }
    else if (!naming->left_out++) {
        naming->waiting = name->text;
    }
}

static uint64_t mark_of(const push_naming_t *naming)
{
    const uint64_t key[2] = {naming->configuration, naming->count};

    return push_hash(key, naming->names,
                     naming->count * sizeof(*naming->names));
}

bool push_reports_rename(push_reports_t *reports, push_naming_t *naming)
{
    uint64_t mark = mark_of(naming);
    push_figures_t used;

    naming->left_out = 0;
    if (reports->named == mark) {
        return false;
    }
    find_used(reports, naming->now.wall, &used);
    mark_active(reports, naming, true);
    for (unsigned i = 0; i < naming->count; i++) {
        give_class(reports, &naming->names[i], naming, &used);
    }
    mark_active(reports, naming, false);
    reports->named = mark;
    reports->namings++;
    return true;
}

void push_reports_classes(const push_reports_t *reports,
                          push_classes_t *classes)
{
    push_classes_init(classes, reports->namings);
    for (unsigned i = 0; i < PUSH_CLASS_NAMES; i++) {
        const push_class_name_t *name = &reports->names[i].name;

        if (reports->names[i].active && name->len) {
            push_classes_add(classes, (push_text_t){name->text, name->len},
                             PUSH_CLASS_NAMED + i);
        }
    }
}

/* ---- at a start ---- */

void push_reports_restore(push_reports_t *reports, push_period_t step,
                          int64_t time, const push_figures_t *figures)
{
    append(reports, begin(reports), step, time, figures);
    commit(reports);
}

/* What the open minute has already stands in its sums, as if counted. */
void push_reports_go_on(push_reports_t *reports, int64_t minute,
                        const push_figures_t *of_minute,
                        const push_figures_t *of_day)
{
    push_reports_base_t *next = begin(reports);

    next->minute = minute;
    for (unsigned i = 0; i < PUSH_CLASSES; i++) {
        for (unsigned j = 0; j < PUSH_TALLIES; j++) {
            uint64_t had = of_minute->of[i][j];
            uint64_t all = of_day->of[i][j];

            next->before.of[i][j] = 0u - (uint32_t)had;
            next->day.of[i][j] = all > had ? all - had : 0;
        }
    }
    commit(reports);
}
