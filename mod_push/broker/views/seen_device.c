#include "broker/views/seen_device.h"

#include <string.h>

#include "store/ops/view.h"

/* Numbers that nodes of all versions know: none is ever used again. */
enum {
    FIELD_ID = 1,
    FIELD_USER,
    FIELD_ONLINE,
    FIELD_EXPLICIT,
    FIELD_FIRST_SEEN,
    FIELD_LAST_SEEN,
    FIELD_LAST_ACK,
    FIELD_PENDING,
    FIELD_IN_FLIGHT,
    FIELD_ACKED,
    FIELD_SENT,
    FIELD_CHANNEL,    /* one of each channel */
    FIELD_LABELS = 32 /* and its number */
};

/* ---- who is asked ---- */

static void write_device(void *data, const push_device_view_t *view)
{
    push_rows_t *rows = data;

    push_rows_text(rows, FIELD_ID,
                   (push_text_t){(const char *)view->id, PUSH_CONTEXT_BYTES});
    push_rows_text(rows, FIELD_USER, view->user);
    push_rows_number(rows, FIELD_ONLINE, view->online);
    push_rows_number(rows, FIELD_EXPLICIT, view->explicit_acks);
    push_rows_number(rows, FIELD_FIRST_SEEN, (uint64_t)view->first_seen);
    push_rows_number(rows, FIELD_LAST_SEEN, (uint64_t)view->last_seen);
    push_rows_number(rows, FIELD_LAST_ACK, (uint64_t)view->last_ack);
    push_rows_number(rows, FIELD_PENDING, view->pending);
    push_rows_number(rows, FIELD_IN_FLIGHT, view->in_flight);
    push_rows_number(rows, FIELD_ACKED, view->acked);
    push_rows_number(rows, FIELD_SENT, view->sent);
    for (unsigned i = 0; i < PUSH_LABELS; i++) {
        if (view->labels[i].len) {
            push_rows_text(rows, FIELD_LABELS + i, view->labels[i]);
        }
    }
    for (unsigned i = 0; i < view->channels_count; i++) {
        push_rows_text(rows, FIELD_CHANNEL, view->channels[i]);
    }
}

bool push_seen_device_answer(push_cluster_t *cluster, push_text_t question,
                             push_rows_t *rows)
{
    push_time_t now = push_clock_now();

    return question.len == PUSH_CONTEXT_BYTES
           && push_view_device(cluster->store,
                               (const unsigned char *)question.at, &now,
                               write_device, rows)
                  != PUSH_BUSY;
}

/* ---- who asks ---- */

push_text_t push_seen_device_question(const unsigned char *id)
{
    return (push_text_t){(const char *)id, PUSH_CONTEXT_BYTES};
}

static void read_number(const push_field_t *field, push_device_view_t *view)
{
    uint64_t number = push_field_number(field);

    switch (field->name) {
    case FIELD_ONLINE:
        view->online = number;
        break;
    case FIELD_EXPLICIT:
        view->explicit_acks = number;
        break;
    case FIELD_FIRST_SEEN:
        view->first_seen = (int64_t)number;
        break;
    case FIELD_LAST_SEEN:
        view->last_seen = (int64_t)number;
        break;
    case FIELD_LAST_ACK:
        view->last_ack = (int64_t)number;
        break;
    case FIELD_PENDING:
        view->pending = (uint32_t)number;
        break;
    case FIELD_IN_FLIGHT:
        view->in_flight = number;
        break;
    case FIELD_ACKED:
        view->acked = number;
        break;
    case FIELD_SENT:
        view->sent = number;
        break;
    default:
        break;
    }
}

static void read_text(const push_field_t *field, push_device_view_t *view)
{
    if (field->name == FIELD_USER) {
        view->user = field->bytes;
    }
    else if (field->name == FIELD_ID
             && field->bytes.len == PUSH_CONTEXT_BYTES) {
        view->id = (const unsigned char *)field->bytes.at;
    }
    else if (field->name == FIELD_CHANNEL
             && view->channels_count < PUSH_CHANNELS_MAX) {
        view->channels[view->channels_count++] = field->bytes;
    }
    else if (field->name >= FIELD_LABELS
             && field->name < FIELD_LABELS + PUSH_LABELS) {
        view->labels[field->name - FIELD_LABELS] = field->bytes;
    }
    else {
        read_number(field, view);
    }
}

bool push_seen_device_read(push_text_t answer, push_device_view_t *view)
{
    push_field_t field;

    *view = (push_device_view_t){.id = NULL};
    while (push_field_next(&answer, &field)) {
        read_text(&field, view);
    }
    return view->id && view->user.len;
}
