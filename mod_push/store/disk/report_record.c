#include "store/disk/report_record.h"

#include <stdlib.h>
#include <string.h>

#include "store/disk/disk.h"
#include "store/disk/journal.h"

/* The form of what is behind the key; others are not read. */
#define FORM 1u

/* 'B', step, time (big-endian); or 'B' alone. */
#define KEY_LEN   6u
#define NAMES_LEN 1u

static void write_key(push_record_t *record, push_period_t step, int64_t time)
{
    record->key[0] = PUSH_RECORD_REPORT;
    record->key[1] = (unsigned char)step;
    for (int i = 0; i < 4; i++) {
        record->key[2 + i] = (unsigned char)(time >> (24 - 8 * i));
    }
    record->key_len = KEY_LEN;
}

static push_period_t step_of(const unsigned char *key)
{
    return (push_period_t)(key[1] % PUSH_STEPS);
}

static int64_t time_of(const unsigned char *key)
{
    int64_t time = 0;

    for (int i = 0; i < 4; i++) {
        time = time << 8 | key[2 + i];
    }
    return time;
}

static push_record_t *make(const unsigned char *value, size_t len)
{
    push_record_t *record = malloc(sizeof(*record) + 1 + len);

    if (record) {
        memset(record, 0, sizeof(*record));
        record->key[0] = PUSH_RECORD_REPORT;
        record->key_len = NAMES_LEN;
        record->len = (uint32_t)(1 + len);
        record->value[0] = FORM;
        if (len) {
            memcpy(record->value + 1, value, len);
        }
    }
    return record;
}

/* ---- records to be refreshed ---- */

static bool ask(push_records_t *records)
{
    push_record_t *record = make(NULL, 0);

    if (record) {
        record->how = PUSH_RECORD_REFRESH;
        push_records_append(records, record);
    }
    return record != NULL;
}

static bool ask_for(push_records_t *records, push_period_t step, int64_t time)
{
    if (!ask(records)) {
        return false;
    }
    write_key(records->last, step, time);
    return true;
}

/* A minute with its day, and the names: they get to the disk together. */
static bool ask_for_minute(push_records_t *records, int64_t minute)
{
    return ask(records) && ask_for(records, PUSH_STEP_MINUTE, minute)
           && ask_for(records, PUSH_STEP_DAY, minute / PUSH_MINUTES_KEPT);
}

void push_report_note(push_store_t *store, int64_t minute)
{
    push_records_t records = {0};

    if (!store->journal) {
        return;
    }
    if (!ask_for_minute(&records, minute)) {
        push_disk_missing(store, push_mid_now(&store->segment->clock));
    }
    if (records.first) {
        push_journal_hand_over(store, &records, NULL);
    }
}

void push_report_save_open(push_store_t *store, push_records_t *records)
{
    int64_t minute = push_report_open_time(store, PUSH_STEP_MINUTE);

    if (minute && !ask_for_minute(records, minute)) {
        push_disk_missing(store, push_mid_now(&store->segment->clock));
    }
}

/* With the lock of reports. */
static bool ask_for_all(const push_store_t *store, push_period_t step,
                        push_records_t *records)
{
    push_reports_entry_t entry = {0};
    int64_t open = push_report_open_time(store, step);
    bool well = !open || ask_for(records, step, open);

    while (well && push_reports_next(store->reports, step, &entry)) {
        well = ask_for(records, step, entry.head.time);
    }
    return well;
}

bool push_report_save(push_store_t *store, push_records_t *records)
{
    bool well;

    if (!push_report_enter(store)) {
        return false;
    }
    well = ask(records) && ask_for_all(store, PUSH_STEP_MINUTE, records)
           && ask_for_all(store, PUSH_STEP_DAY, records);
    push_report_leave(store);
    return well;
}

/* ---- refreshed ---- */

static push_record_t *names_record(const push_store_t *store)
{
    push_class_name_t names[PUSH_CLASS_NAMES];

    for (unsigned i = 0; i < PUSH_CLASS_NAMES; i++) {
        names[i] = store->reports->names[i].name;
    }
    return make((const unsigned char *)names, sizeof(names));
}

/* All that has this time, since a clock that is set back repeats times. */
static void find_figures(const push_store_t *store, push_period_t step,
                         int64_t time, push_figures_t *figures)
{
    push_reports_entry_t entry = {0};

    memset(figures, 0, sizeof(*figures));
    if (push_report_open_time(store, step) == time) {
        push_report_open(store, step, figures);
    }
    while (push_reports_next(store->reports, step, &entry)) {
        if (entry.head.time == time) {
            push_reports_add(store->reports, step, &entry, figures);
        }
    }
}

/* False: no memory. */
static bool step_record(const push_store_t *store, push_period_t step,
                        int64_t time, push_record_t **found)
{
    unsigned char rows[PUSH_REPORT_ROWS];
    push_figures_t figures;
    size_t len;

    find_figures(store, step, time, &figures);
    len = push_rows_write(&figures, rows);
    if (!len) {
        return true;
    }
    *found = make(rows, len);
    if (*found) {
        write_key(*found, step, time);
        (*found)->expires = (time + 1) * push_step_ms(step)
                            + push_step_kept_ms(step);
    }
    return *found != NULL;
}

bool push_report_refresh(push_store_t *store, const push_record_t *record,
                         push_record_t **found)
{
    bool well = true;

    *found = NULL;
    if (!push_report_enter(store)) {
        return false;
    }
    if (record->key_len == NAMES_LEN) {
        *found = names_record(store);
        well = *found != NULL;
    }
    else {
        well = step_record(store, step_of(record->key), time_of(record->key),
                           found);
    }
    push_report_leave(store);
    return well;
}

/* ---- read ---- */

static bool read_names(push_text_t value, push_report_record_t *record)
{
    if (value.len != 1 + sizeof(record->names)) {
        return false;
    }
    memcpy(record->names, value.at + 1, sizeof(record->names));
    for (unsigned i = 0; i < PUSH_CLASS_NAMES; i++) {
        const push_class_name_t *name = &record->names[i];

        if (name->len && !push_class_name_valid(name->text, name->len)) {
            return false;
        }
    }
    return true;
}

bool push_report_record_read(push_text_t key, push_text_t value,
                             push_report_record_t *record)
{
    const unsigned char *at = (const unsigned char *)key.at;

    memset(record, 0, sizeof(*record));
    if (!value.len || value.at[0] != FORM) {
        return false;
    }
    if (key.len == NAMES_LEN) {
        record->part = PUSH_REPORT_NAMES;
        return read_names(value, record);
    }
    if (key.len != KEY_LEN || at[1] >= PUSH_STEPS) {
        return false;
    }
    record->step = step_of(at);
    record->time = time_of(at);
    return record->time <= INT32_MAX
           && push_rows_add(&record->figures,
                            (const unsigned char *)value.at + 1,
                            value.len - 1);
}
