#include "broker/relay/lot.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ids.h"

/* `{"key":"r-`, a mid, a word, `","ttl":` and a number, a comma. */
#define HEAD_MAX 128u

void push_lot_clear(push_lot_t *lot)
{
    push_buffer_cleanup(&lot->body);
    memset(lot, 0, sizeof(*lot));
}

push_lot_list_t *push_lot_list(push_lot_t *lot, unsigned partition)
{
    push_lot_list_t *list = &lot->lists[lot->lists_count++];

    list->partition = partition;
    list->taken = 0;
    list->over = 0;
    return list;
}

static void is_over(push_lot_list_t *list, unsigned entry)
{
    list->over_ticks[list->over++] = list->ticks[entry];
}

/* ---- lines ---- */

/* When the entry is of no use any more (Redis ms). */
static int64_t ends(const push_relay_entry_t *entry)
{
    return entry->expires ? entry->expires
                          : (int64_t)(entry->tick >> 10) + PUSH_LOT_NOW_MS;
}

/* What is left of the TTL in seconds, rounded up: a message that is to be kept
 * must not become one for those who are there now. */
static int64_t seconds_left(const push_relay_entry_t *entry, int64_t now)
{
    return entry->expires ? (entry->expires - now + 999) / 1000 : 0;
}

static bool add_line(push_lot_t *lot, const push_lot_list_t *list,
                     const push_relay_entry_t *entry, int64_t now,
                     const char *cluster)
{
    push_buffer_t *body = &lot->body;
    char mid[PUSH_MID_CHARS + 1] = {0};
    int head;

    if (!push_buffer_reserve(body, HEAD_MAX + entry->body.len + 1)) {
        return false;
    }
    push_mid_write(push_mid_of_tick(entry->tick, list->partition), mid);
    head = snprintf(body->bytes + body->to, HEAD_MAX,
                    "{\"key\":\"r-%s-%.32s\",\"ttl\":%lld,", mid, cluster,
                    (long long)seconds_left(entry, now));
    body->to += (size_t)head;
    memcpy(body->bytes + body->to, entry->body.at, entry->body.len);
    body->to += entry->body.len;
    body->bytes[body->to++] = '\n';
    return true;
}

static void note_line(push_lot_t *lot, const push_lot_list_t *list,
                      unsigned entry)
{
    lot->lines[lot->lines_count++] = (push_lot_line_t){
        (uint16_t)(list - lot->lists), (uint16_t)entry};
}

bool push_lot_add(push_lot_t *lot, push_lot_list_t *list,
                  const push_reply_t *reply, const char *cluster)
{
    push_relay_taken_t taken;

    if (!push_relay_take_reply(reply, &taken)) {
        return true;
    }
    for (unsigned i = 0; i < taken.count && i < PUSH_LOT_ENTRIES; i++) {
        push_relay_entry_t entry;

        if (!push_relay_entry_read(push_relay_taken_at(reply, i), &entry)) {
            return true; /* none of ours: what is behind it waits as well */
        }
        list->ticks[i] = entry.tick;
        if (ends(&entry) <= taken.now) {
            is_over(list, i);
            lot->expired++;
        }
        else if (add_line(lot, list, &entry, taken.now, cluster)) {
            note_line(lot, list, i);
        }
        else {
            return false;
        }
        list->taken++;
    }
    return true;
}

/* ---- answers ---- */

typedef enum { SENT, REFUSED, AGAIN, FOREIGN, END } outcome_t;

/* Statuses by which the other side says: not now. */
static bool is_passing(json_int_t status)
{
    return status == 401 || status == 408 || status == 409 || status == 425
           || status == 429 || status >= 500;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t more = strlen(end);

    return len >= more && !strcmp(text + len - more, end);
}

static outcome_t outcome_of_error(push_lot_t *lot, json_t *error)
{
    json_int_t status = json_integer_value(json_object_get(error, "status"));
    const char *type = json_string_value(json_object_get(error, "type"));
    const char *detail = json_string_value(json_object_get(error, "detail"));

    /* Only this message has the key, and the TTL is less than at first. */
    if (type && ends_with(type, ":idempotency-key-reused")) {
        return SENT;
    }
    if (status < 400 || !type) {
        return FOREIGN;
    }
    snprintf(lot->reason, sizeof(lot->reason), "%lld %s", (long long)status,
             detail ? detail : type);
    return is_passing(status) ? AGAIN : REFUSED;
}

static outcome_t outcome_of(push_lot_t *lot, const char *line, size_t len)
{
    json_t *answer = json_loadb(line, len, 0, NULL);
    json_t *error = json_object_get(answer, "error");
    outcome_t outcome = FOREIGN;

    if (json_is_true(json_object_get(answer, "end"))) {
        outcome = END;
    }
    else if (error) {
        outcome = outcome_of_error(lot, error);
    }
    else if (json_is_string(json_object_get(answer, "id"))) {
        outcome = SENT;
    }
    json_decref(answer);
    return outcome;
}

static void take_outcome(push_lot_t *lot, unsigned line, outcome_t outcome)
{
    push_lot_list_t *list = &lot->lists[lot->lines[line].list];

    if (outcome == AGAIN) {
        lot->again++;
        return;
    }
    is_over(list, lot->lines[line].entry);
    lot->sent += outcome == SENT;
    lot->refused += outcome == REFUSED;
}

void push_lot_answered(push_lot_t *lot, const char *answer, size_t len)
{
    const char *end = answer + len;
    unsigned line = 0;

    while (line < lot->lines_count) {
        const char *newline =
            len ? memchr(answer, '\n', (size_t)(end - answer)) : NULL;
        outcome_t outcome;

        if (!newline) {
            break; /* cut off: the rest of it may say anything */
        }
        outcome = outcome_of(lot, answer, (size_t)(newline - answer));
        if (outcome == FOREIGN || outcome == END) {
            lot->foreign = outcome == FOREIGN;
            break;
        }
        take_outcome(lot, line++, outcome);
        answer = newline + 1;
    }
    lot->again += lot->lines_count - line;
}

void push_lot_unanswered(push_lot_t *lot)
{
    lot->again = lot->lines_count;
}
