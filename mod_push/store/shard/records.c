#include "store/shard/records.h"

#include <stdlib.h>
#include <string.h>

void push_records_append(push_records_t *records, push_record_t *record)
{
    record->next = NULL;
    if (records->last) {
        records->last->next = record;
    }
    else {
        records->first = record;
    }
    records->last = record;
    records->bytes += sizeof(*record) + record->len;
}

void push_records_join(push_records_t *records, push_records_t *more)
{
    if (more->first) {
        if (records->last) {
            records->last->next = more->first;
        }
        else {
            records->first = more->first;
        }
        records->last = more->last;
        records->bytes += more->bytes;
    }
    memset(more, 0, sizeof(*more));
}

push_record_t *push_records_take(push_records_t *records)
{
    push_record_t *record = records->first;

    if (record) {
        records->first = record->next;
        records->bytes -= sizeof(*record) + record->len;
        if (!records->first) {
            records->last = NULL;
        }
    }
    return record;
}

void push_records_cleanup(push_records_t *records)
{
    push_record_t *record = push_records_take(records);

    while (record) {
        free(record);
        record = push_records_take(records);
    }
}
