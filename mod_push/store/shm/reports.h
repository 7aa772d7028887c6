#ifndef PUSH_REPORTS_H
#define PUSH_REPORTS_H

#include "core/report.h"
#include "store/shm/lock.h"

/*
 * What happened in each minute of a day and on each day of 90, by event class,
 * in a fixed part of the segment; see reports.c.
 *
 * All functions but push_reports_create() are called with the lock held.
 */

/* The figures of all classes at some time, or of some time. */
typedef struct push_sums_t {
    uint32_t of[PUSH_CLASSES][PUSH_TALLIES];
} push_sums_t;

typedef struct push_figures_t {
    uint64_t of[PUSH_CLASSES][PUSH_TALLIES];
} push_figures_t;

/* A ring of entries: which of its bytes are valid.  They only rise. */
typedef struct push_span_t {
    uint64_t tail, head;
} push_span_t;

/* All that a close changes: the newer of two is written, then made valid. */
typedef struct push_reports_base_t {
    int64_t minute;     /* that is open, since 1970; 0: none yet */
    push_sums_t before; /* the sums when it began; they wrap */
    push_figures_t day; /* of its day, without what is open */
    push_span_t spans[PUSH_STEPS];
} push_reports_base_t;

/* A name that has a class, or had one. */
typedef struct push_reports_name_t {
    push_class_name_t name;
    uint8_t active; /* messages are counted under it */
    int64_t left;   /* mono ms; when it went, if it did */
} push_reports_name_t;

typedef struct push_reports_t {
    push_lock_t lock;
    _Atomic uint32_t valid;     /* which of the bases is */
    uint32_t rooms[PUSH_STEPS]; /* bytes of the rings, which stand behind */
    uint64_t named;             /* which names were asked for last */
    uint32_t namings;           /* how often others were */
    push_reports_base_t bases[2];
    push_reports_name_t names[PUSH_CLASS_NAMES];
} push_reports_t;

/* Bytes of all of it, in a segment of size bytes. */
uint64_t push_reports_size(uint64_t size);

/* In zeroed memory; an error number of the lock, or 0. */
int push_reports_create(push_reports_t *reports, uint64_t size);

/* What happened since the open minute began. */
void push_reports_open(const push_reports_t *reports, const push_sums_t *sums,
                       push_figures_t *figures);

const push_reports_base_t *push_reports_base(const push_reports_t *reports);

/*
 * Closes the open minute, and its day with it, if at wall ms another one is;
 * sums: of all that was counted ever.  True if one was closed: *minute.
 */
bool push_reports_close(push_reports_t *reports, const push_sums_t *sums,
                        int64_t wall, int64_t *minute);

/* ---- reading ---- */

/* What an entry of a ring begins with. */
typedef struct push_entry_head_t {
    int32_t time; /* steps since 1970 */
    uint16_t len; /* of its rows, which stand behind */
    uint16_t unused;
} push_entry_head_t;

/* A place in a ring; all 0: before the first entry. */
typedef struct push_reports_entry_t {
    uint64_t at;
    push_entry_head_t head;
} push_reports_entry_t;

/* The next of what is closed, in that order; false: there is none. */
bool push_reports_next(const push_reports_t *reports, push_period_t step,
                       push_reports_entry_t *entry);

/* Adds the figures of the entry. */
void push_reports_add(const push_reports_t *reports, push_period_t step,
                      const push_reports_entry_t *entry,
                      push_figures_t *figures);

/* ---- names ---- */

/* The names that are to be counted from now on. */
typedef struct push_naming_t {
    const push_class_name_t *names; /* zero behind their text */
    unsigned count;
    uint64_t configuration; /* which of them asks */
    push_time_t now;
    /* set by push_reports_rename() */
    unsigned left_out;   /* names that have to wait until a class is free */
    const char *waiting; /* the first of them */
} push_naming_t;

/*
 * Gives each name a class, which no other name has as long as anything that
 * was counted by it is kept.  False, with nothing done, if that was asked for
 * before: one configuration has the same classes in all processes.
 */
bool push_reports_rename(push_reports_t *reports, push_naming_t *naming);

/* The class of each name that is counted. */
void push_reports_classes(const push_reports_t *reports,
                          push_classes_t *classes);

/* ---- at a start, in reports that nobody else uses ---- */

/* Appends what was closed before. */
void push_reports_restore(push_reports_t *reports, push_period_t step,
                          int64_t time, const push_figures_t *figures);

/* Sets out from what the open minute and its day had at the last stop. */
void push_reports_go_on(push_reports_t *reports, int64_t minute,
                        const push_figures_t *of_minute,
                        const push_figures_t *of_day);

/* ---- the bytes of figures: rows of classes that have any ---- */

#define PUSH_REPORT_ROWS (PUSH_CLASSES * (2u * 2u + PUSH_TALLIES * 10u))

size_t push_rows_write(const push_figures_t *figures,
                       unsigned char rows[PUSH_REPORT_ROWS]);

/* Adds them to figures; false if these are no such bytes. */
bool push_rows_add(push_figures_t *figures, const unsigned char *rows,
                   size_t len);

#endif
