#include "broker/views/seen_message.h"

#include <string.h>

#include "broker/library/call.h"
#include "broker/node/names.h"
#include "store/ops/apply.h"
#include "store/ops/life.h"

/* Devices that are named; of the others it is said how many there are. */
#define NAMED_MAX 1000u

/* Numbers that nodes of all versions know: none is ever used again. */
enum {
    FIELD_MID = 1,
    FIELD_LOG, /* as Redis names it */
    FIELD_DEVICE,
    FIELD_TOPIC,
    FIELD_EVENT,
    FIELD_TRACE,
    FIELD_URGENCY,
    FIELD_FATE,
    FIELD_CREATED,
    FIELD_ENDS,
    FIELD_SIZE,
    FIELD_LIFE, /* one of each device: id, fate u8, at u48 */
    FIELD_COUNT /* of those that are not named: fate u8, u32 */
};

#define LIFE_BYTES  (PUSH_CONTEXT_BYTES + 7u)
#define COUNT_BYTES 5u

static void write_big(unsigned char *at, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(number >> (8 * (bytes - 1 - i)));
    }
}

static void write_log(push_rows_t *rows, push_log_kind_t kind,
                      push_text_t name)
{
    char log[1 + PUSH_NAME_MAX];

    push_rows_text(rows, FIELD_LOG, push_names_write(kind, name, log));
}

/* ---- the question ---- */

void push_seen_message_ask(push_rows_t *question, const push_sought_t *sought)
{
    push_rows_number(question, FIELD_MID, sought->mid);
    if (sought->addressed) {
        write_log(question, sought->audience.kind, sought->audience.name);
        push_rows_text(question, FIELD_DEVICE, sought->device);
    }
}

static void read_question(push_text_t question, push_sought_t *sought)
{
    *sought = (push_sought_t){.mid = push_field_number_of(question, FIELD_MID),
                              .device = push_field_text_of(question,
                                                           FIELD_DEVICE)};
    sought->addressed = push_log_name_parse(
        push_field_text_of(question, FIELD_LOG), &sought->audience.kind,
        &sought->audience.name);
}

/* ---- who is asked ---- */

typedef struct {
    push_rows_t *rows;
    unsigned named;
    uint32_t others[PUSH_FATES];
} writing_t;

static void write_message(void *data, const push_message_view_t *view)
{
    push_rows_t *rows = ((writing_t *)data)->rows;

    push_rows_number(rows, FIELD_MID, view->mid);
    write_log(rows, view->kind, view->name);
    push_rows_text(rows, FIELD_DEVICE, view->device);
    push_rows_text(rows, FIELD_TOPIC, view->topic);
    push_rows_text(rows, FIELD_EVENT, view->event);
    push_rows_text(rows, FIELD_TRACE, view->trace);
    push_rows_number(rows, FIELD_URGENCY, view->urgency);
    push_rows_number(rows, FIELD_FATE, view->fate);
    push_rows_number(rows, FIELD_CREATED, (uint64_t)view->created);
    push_rows_number(rows, FIELD_ENDS, (uint64_t)view->ends);
    push_rows_number(rows, FIELD_SIZE, view->size);
}

static void write_life(void *data, const push_life_view_t *view)
{
    writing_t *writing = data;
    unsigned char bytes[LIFE_BYTES];

    if (writing->named == NAMED_MAX) {
        writing->others[view->fate]++;
        return;
    }
    writing->named++;
    memcpy(bytes, view->id, PUSH_CONTEXT_BYTES);
    bytes[PUSH_CONTEXT_BYTES] = (unsigned char)view->fate;
    write_big(bytes + PUSH_CONTEXT_BYTES + 1, (uint64_t)view->at, 6);
    push_rows_text(writing->rows, FIELD_LIFE,
                   (push_text_t){(const char *)bytes, sizeof(bytes)});
}

static void write_others(const writing_t *writing)
{
    for (unsigned i = 0; i < PUSH_FATES; i++) {
        unsigned char bytes[COUNT_BYTES] = {(unsigned char)i};

        if (writing->others[i]) {
            write_big(bytes + 1, writing->others[i], 4);
            push_rows_text(writing->rows, FIELD_COUNT,
                           (push_text_t){(const char *)bytes, COUNT_BYTES});
        }
    }
}

bool push_seen_message_answer(push_cluster_t *cluster, push_text_t question,
                              push_rows_t *rows)
{
    writing_t writing = {.rows = rows};
    const push_visitor_t visitor = {
        .message = write_message, .life = write_life, .data = &writing};
    push_time_t now = push_clock_now();
    push_sought_t sought;
    push_status_t status;

    read_question(question, &sought);
    status = push_view_message(cluster->store, &sought, &now, &visitor);
    write_others(&writing);
    return status == PUSH_OK || status == PUSH_NOT_FOUND;
}

/* ---- who asks ---- */

static void read_number(const push_field_t *field, push_message_view_t *view)
{
    uint64_t number = push_field_number(field);

    switch (field->name) {
    case FIELD_MID:
        view->mid = number;
        break;
    case FIELD_URGENCY:
        view->urgency = (push_urgency_t)(number < PUSH_LANES ? number : 0);
        break;
    case FIELD_FATE:
        view->fate = number < PUSH_FATES ? (push_fate_t)number : PUSH_LIVE;
        break;
    case FIELD_CREATED:
        view->created = (int64_t)number;
        break;
    case FIELD_ENDS:
        view->ends = (int64_t)number;
        break;
    case FIELD_SIZE:
        view->size = (uint32_t)number;
        break;
    default:
        break;
    }
}

static void read_field(const push_field_t *field, push_message_view_t *view)
{
    switch (field->name) {
    case FIELD_DEVICE:
        view->device = field->bytes;
        break;
    case FIELD_TOPIC:
        view->topic = field->bytes;
        break;
    case FIELD_EVENT:
        view->event = field->bytes;
        break;
    case FIELD_TRACE:
        if (field->bytes.len == PUSH_TRACEPARENT_BYTES) {
            view->trace = field->bytes;
        }
        break;
    default:
        read_number(field, view);
    }
}

bool push_seen_message_read(push_text_t answer, push_message_view_t *view)
{
    push_text_t log = push_field_text_of(answer, FIELD_LOG);
    push_field_t field;

    *view = (push_message_view_t){.mid = 0};
    while (push_field_next(&answer, &field)) {
        read_field(&field, view);
    }
    return view->mid && push_log_name_parse(log, &view->kind, &view->name)
           && view->device.len <= PUSH_DEVICE_MAX;
}

static bool read_life(const push_field_t *field, push_life_view_t *life)
{
    const unsigned char *at = (const unsigned char *)field->bytes.at;
    bool named = field->name == FIELD_LIFE && field->bytes.len == LIFE_BYTES;
    unsigned fate;

    if (!named
        && (field->name != FIELD_COUNT || field->bytes.len != COUNT_BYTES)) {
        return false;
    }
    *life = (push_life_view_t){.count = 1};
    if (named) {
        life->id = at;
        life->at = (int64_t)push_big(at + PUSH_CONTEXT_BYTES + 1, 6);
        fate = at[PUSH_CONTEXT_BYTES];
    }
    else {
        life->count = (uint32_t)push_big(at + 1, 4);
        fate = at[0];
    }
    life->fate = (push_fate_t)fate;
    return fate < PUSH_FATES;
}

void push_seen_message_lives(push_text_t answer, const push_visitor_t *visitor)
{
    push_field_t field;
    push_life_view_t life;

    while (push_field_next(&answer, &field)) {
        if (read_life(&field, &life)) {
            visitor->life(visitor->data, &life);
        }
    }
}
