#include "store/disk/record.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/predicate.h"
#include "store/disk/forgot.h"
#include "store/disk/record_old.h"

static const char magic[8] = "modpush";

/* ---- bytes, written and read in one order ---- */

static push_record_t *record_create(char type, const void *id, size_t id_len,
                                    size_t len)
{
    push_record_t *record = malloc(sizeof(*record) + len);

    if (record) {
        memset(record, 0, sizeof(*record));
        record->len = (uint32_t)len;
        record->key_len = (uint8_t)(1 + id_len);
        record->key[0] = (unsigned char)type;
        memcpy(record->key + 1, id, id_len);
    }
    return record;
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t len)
{
    if (len) {
        memcpy(at, bytes, len);
    }
    return at + len;
}

static unsigned char *put_text(unsigned char *at, push_text_t text)
{
    return put(at, text.at, text.len);
}

#define PUT(at, variable) put(at, &(variable), sizeof(variable))

/* The bytes left to be read; once too few were left, none are. */
typedef struct {
    const char *at;
    const char *end;
    bool bad;
} reader_t;

static reader_t reader(push_text_t value)
{
    return (reader_t){value.at, value.at + value.len, false};
}

static push_text_t get_text(reader_t *r, size_t len)
{
    push_text_t text = {r->at, (uint32_t)len};

    if (r->bad || len > (size_t)(r->end - r->at)) {
        r->bad = true;
        return (push_text_t){NULL, 0};
    }
    r->at += len;
    return text;
}

static void get(reader_t *r, void *to, size_t len)
{
    push_text_t text = get_text(r, len);

    if (text.len) {
        memcpy(to, text.at, len);
    }
    else {
        memset(to, 0, len);
    }
}

#define GET(r, variable) get(r, &(variable), sizeof(variable))

/* All was there, and nothing else. */
static bool complete(const reader_t *r)
{
    return !r->bad && r->at == r->end;
}

static bool is_key(push_text_t key, char type, size_t id_len)
{
    return key.len == 1 + id_len && key.at[0] == type;
}

/* ---- version ---- */

push_record_t *push_meta_make(const push_meta_record_t *meta, char type)
{
    push_record_t *record = record_create(type, "", 0,
                                          sizeof(magic) + sizeof(*meta));

    if (record) {
        unsigned char *at = put(record->value, magic, sizeof(magic));

        put(at, meta, sizeof(*meta));
    }
    return record;
}

push_record_t *push_probe_make(void)
{
    return record_create(PUSH_RECORD_PROBE, "", 0, 0);
}

bool push_meta_read(push_text_t value, push_meta_record_t *meta)
{
    reader_t r = reader(value);
    char found[sizeof(magic)];

    GET(&r, found);
    GET(&r, *meta);
    return complete(&r) && !memcmp(found, magic, sizeof(magic));
}

/* ---- messages ---- */

typedef struct {
    uint8_t kind, fate, urgency, receipt, name_len, topic_len, device_len;
    uint8_t form; /* PUSH_MESSAGE_FORM */
} message_head_t;

/*
 * Behind the texts that the head counts stands, of one that is live, how long
 * event type, content type (1 byte each) and payload (4) are, and these; in
 * between the trace, where PUSH_MESSAGE_TRACED stands in the first length, and
 * the predicate, where the form is PUSH_MESSAGE_WHERE_FORM.  So what has ended
 * has the shorter record, and what has no predicate older versions read too.
 */
_Static_assert(sizeof(message_head_t) == PUSH_MESSAGE_HEAD
                   && offsetof(message_head_t, form) == PUSH_MESSAGE_FORM_AT,
               "record_old.c makes such records too");

static void write_mid(unsigned char *at, uint64_t mid)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (unsigned char)(mid >> (56 - 8 * i));
    }
}

static uint64_t read_mid(const char *at)
{
    uint64_t mid = 0;

    for (int i = 0; i < 8; i++) {
        mid = mid << 8 | (unsigned char)at[i];
    }
    return mid;
}

static size_t body_size(const push_stored_t *stored)
{
    const push_content_t *content = &stored->content;

    return (size_t)PUSH_MESSAGE_BODY + content->event.len + content->trace.len
           + (stored->where.len ? 1 + stored->where.len : 0)
           + content->type.len + content->data.len;
}

static void put_body(unsigned char *at, const push_stored_t *stored)
{
    const push_content_t *content = &stored->content;

    *at++ = (unsigned char)(content->event.len
                            | (content->trace.len ? PUSH_MESSAGE_TRACED : 0));
    *at++ = (unsigned char)content->type.len;
    at = PUT(at, content->data.len);
    at = put_text(at, content->event);
    at = put_text(at, content->trace);
    if (stored->where.len) {
        *at++ = (unsigned char)stored->where.len;
        at = put_text(at, stored->where);
    }
    at = put_text(at, content->type);
    put_text(at, content->data);
}

push_record_t *push_message_make(const push_message_record_t *message)
{
    const push_stored_t *stored = &message->stored;
    bool live = message->fate == PUSH_LIVE;
    message_head_t head = {.kind = (uint8_t)message->kind,
                           .fate = (uint8_t)message->fate,
                           .urgency = (uint8_t)stored->urgency,
                           .receipt = stored->content.ack_now,
                           .name_len = (uint8_t)message->name.len,
                           .topic_len = (uint8_t)stored->topic.len,
                           .device_len = (uint8_t)stored->device.len,
                           .form = live && stored->where.len
                                       ? PUSH_MESSAGE_WHERE_FORM
                                       : PUSH_MESSAGE_FORM};
    unsigned char mid[8];
    push_record_t *record;
    unsigned char *at;

    write_mid(mid, stored->mid);
    record = record_create(PUSH_RECORD_MESSAGE, mid, sizeof(mid),
                           sizeof(head) + message->name.len + stored->topic.len
                               + stored->device.len
                               + (live ? body_size(stored) : 0));
    if (!record) {
        return NULL;
    }
    record->how = live ? PUSH_RECORD_ADD : PUSH_RECORD_PUT;
    record->mid = live ? stored->mid : 0;
    record->expires = message->expires;
    at = PUT(record->value, head);
    at = put_text(at, message->name);
    at = put_text(at, stored->topic);
    at = put_text(at, stored->device);
    if (live) {
        put_body(at, stored);
    }
    return record;
}

/* The types of a message go to the socket as they are. */
static bool get_body(reader_t *r, uint8_t form, push_stored_t *stored)
{
    push_content_t *content = &stored->content;
    uint8_t where_len = 0;
    uint8_t event_len, type_len;
    uint32_t data_len;
    size_t trace_len;

    GET(r, event_len);
    GET(r, type_len);
    GET(r, data_len);
    trace_len = event_len & PUSH_MESSAGE_TRACED ? PUSH_TRACEPARENT_BYTES : 0;
    event_len &= (uint8_t)~PUSH_MESSAGE_TRACED;
    content->event = get_text(r, event_len);
    content->trace = get_text(r, trace_len);
    if (form == PUSH_MESSAGE_WHERE_FORM) {
        GET(r, where_len);
        stored->where = get_text(r, where_len);
    }
    content->type = get_text(r, type_len);
    content->data = get_text(r, data_len);
    return complete(r) && data_len <= PUSH_MESSAGE_MAX
           && push_predicate_valid(stored->where)
           && (!event_len || push_event_valid(content->event.at, event_len))
           && (!type_len || push_type_valid(content->type.at, type_len));
}

static bool is_audience(const push_message_record_t *message)
{
    if (message->kind == PUSH_LOG_BROADCAST) {
        return !message->name.len && !message->stored.device.len;
    }
    return message->name.len
           && (message->kind == PUSH_LOG_USER
               || (message->kind == PUSH_LOG_CHANNEL
                   && !message->stored.device.len));
}

bool push_message_read(push_text_t key, push_text_t value,
                       push_message_record_t *message)
{
    push_stored_t *stored = &message->stored;
    reader_t r = reader(value);
    message_head_t head;

    memset(message, 0, sizeof(*message));
    GET(&r, head);
    message->kind = head.kind;
    message->fate = (push_fate_t)head.fate;
    message->name = get_text(&r, head.name_len);
    stored->topic = get_text(&r, head.topic_len);
    stored->device = get_text(&r, head.device_len);
    stored->content.ack_now = head.receipt != 0;
    stored->urgency = (push_urgency_t)(head.urgency % PUSH_LANES);
    if (r.bad || !is_key(key, PUSH_RECORD_MESSAGE, 8)
        || (head.form != PUSH_MESSAGE_FORM
            && head.form != PUSH_MESSAGE_WHERE_FORM)
        || head.urgency >= PUSH_LANES || head.fate >= PUSH_FATES
        || head.topic_len > PUSH_TOPIC_MAX || head.device_len > PUSH_DEVICE_MAX
        || !is_audience(message)) {
        return false;
    }
    stored->mid = read_mid(key.at + 1);
    return message->fate == PUSH_LIVE ? get_body(&r, head.form, stored)
                                      : complete(&r);
}

/* ---- idempotency keys ---- */

push_record_t *push_key_make(const push_key_record_t *key)
{
    push_record_t *record = record_create(
        PUSH_RECORD_KEY, key->id, sizeof(key->id),
        sizeof(key->request) + sizeof(key->receipt));

    if (record) {
        unsigned char *at = PUT(record->value, key->request);

        PUT(at, key->receipt);
        record->expires = key->expires;
        record->mid = key->receipt.mid;
    }
    return record;
}

bool push_key_read(push_text_t key, push_text_t value,
                   push_key_record_t *record)
{
    reader_t r = reader(value);

    memset(record, 0, sizeof(*record));
    GET(&r, record->request);
    GET(&r, record->receipt);
    if (!complete(&r) || !is_key(key, PUSH_RECORD_KEY, PUSH_KEY_BYTES)) {
        return false;
    }
    memcpy(record->id, key.at + 1, PUSH_KEY_BYTES);
    return true;
}

/* ---- revocations ---- */

push_record_t *push_revoked_make(const push_revoked_record_t *revoked)
{
    push_record_t *record = record_create(PUSH_RECORD_REVOKED, revoked->id,
                                          sizeof(revoked->id),
                                          sizeof(revoked->issued));

    if (record) {
        PUT(record->value, revoked->issued);
        record->expires = revoked->expires;
    }
    return record;
}

push_record_t *push_revoked_refresh(const uint64_t id[2])
{
    push_record_t *record = record_create(PUSH_RECORD_REVOKED, id,
                                          2 * sizeof(*id), 0);

    if (record) {
        record->how = PUSH_RECORD_REFRESH;
    }
    return record;
}

bool push_revoked_read(push_text_t key, push_text_t value,
                       push_revoked_record_t *revoked)
{
    reader_t r = reader(value);

    memset(revoked, 0, sizeof(*revoked));
    GET(&r, revoked->issued);
    if (!complete(&r)
        || !is_key(key, PUSH_RECORD_REVOKED, sizeof(revoked->id))) {
        return false;
    }
    memcpy(revoked->id, key.at + 1, sizeof(revoked->id));
    return true;
}

/* ---- what was forgotten ---- */

push_record_t *push_forgot_make(const push_forgot_record_t *forgot)
{
    push_record_t *record = record_create(
        PUSH_RECORD_FORGOT, &forgot->shard, sizeof(forgot->shard),
        sizeof(forgot->strangers_until) + sizeof(forgot->away_until));

    if (record) {
        PUT(PUT(record->value, forgot->strangers_until), forgot->away_until);
        record->expires = forgot->strangers_until > forgot->away_until
                              ? forgot->strangers_until
                              : forgot->away_until;
    }
    return record;
}

push_record_t *push_forgot_refresh(unsigned shard)
{
    uint8_t id = (uint8_t)shard;
    push_record_t *record = record_create(PUSH_RECORD_FORGOT, &id, sizeof(id),
                                          0);

    if (record) {
        record->how = PUSH_RECORD_REFRESH;
        record->shard = id;
    }
    return record;
}

bool push_forgot_read(push_text_t key, push_text_t value,
                      push_forgot_record_t *forgot)
{
    reader_t r = reader(value);

    memset(forgot, 0, sizeof(*forgot));
    GET(&r, forgot->strangers_until);
    GET(&r, forgot->away_until);
    if (!complete(&r)
        || !is_key(key, PUSH_RECORD_FORGOT, sizeof(forgot->shard))) {
        return false;
    }
    forgot->shard = (uint8_t)key.at[1];
    return forgot->shard < PUSH_SHARDS;
}

/* ---- logs ---- */

push_record_t *push_named_log_make(const push_named_log_t *log)
{
    push_record_t *record = record_create(PUSH_RECORD_LOG, &log->pid,
                                          sizeof(log->pid), sizeof(log->id));

    if (record) {
        PUT(record->value, log->id);
    }
    return record;
}

push_record_t *push_named_log_refresh(uint32_t pid)
{
    push_record_t *record = record_create(PUSH_RECORD_LOG, &pid, sizeof(pid),
                                          0);

    if (record) {
        record->how = PUSH_RECORD_REFRESH;
    }
    return record;
}

bool push_named_log_read(push_text_t key, push_text_t value,
                         push_named_log_t *log)
{
    reader_t r = reader(value);

    memset(log, 0, sizeof(*log));
    GET(&r, log->id);
    if (!complete(&r) || !is_key(key, PUSH_RECORD_LOG, sizeof(log->pid))) {
        return false;
    }
    memcpy(&log->pid, key.at + 1, sizeof(log->pid));
    return true;
}

/* ---- device contexts ---- */

typedef struct {
    uint8_t traits, lowest, user_len, subscriptions;
    uint32_t max_in_flight;
    uint32_t settled;
    uint8_t labels[PUSH_LABELS];
    int64_t first_seen, last_seen, last_ack, left;
    push_losses_t losses;
} device_head_t;

static size_t device_size(const push_device_record_t *device)
{
    size_t size = sizeof(device_head_t) + device->user.len
                  + device->settled.len;

    for (int i = 0; i < PUSH_LABELS; i++) {
        size += device->labels[i].len;
    }
    for (unsigned i = 0; i < device->subscriptions_count; i++) {
        const push_subscription_record_t *saved = &device->subscriptions[i];

        size += 1 + saved->name.len + sizeof(saved->joined)
                + sizeof(saved->next);
    }
    return size;
}

static unsigned char *put_subscription(unsigned char *at,
                                       const push_subscription_record_t *saved)
{
    uint8_t len = (uint8_t)saved->name.len;

    at = PUT(at, len);
    at = put_text(at, saved->name);
    at = PUT(at, saved->joined);
    return PUT(at, saved->next);
}

push_record_t *push_device_make(const push_device_record_t *device)
{
    device_head_t head = {
        .traits = device->traits,
        .lowest = device->lowest,
        .user_len = (uint8_t)device->user.len,
        .subscriptions = (uint8_t)device->subscriptions_count,
        .max_in_flight = device->max_in_flight,
        .settled = push_device_settled_count(device),
        .first_seen = device->first_seen,
        .last_seen = device->last_seen,
        .last_ack = device->last_ack,
        .left = device->left,
        .losses = device->losses};
    push_record_t *record = record_create(PUSH_RECORD_DEVICE, device->id,
                                          PUSH_CONTEXT_BYTES,
                                          device_size(device));
    unsigned char *at;

    if (!record) {
        return NULL;
    }
    for (int i = 0; i < PUSH_LABELS; i++) {
        head.labels[i] = (uint8_t)device->labels[i].len;
    }
    at = put_text(PUT(record->value, head), device->user);
    for (int i = 0; i < PUSH_LABELS; i++) {
        at = put_text(at, device->labels[i]);
    }
    at = put_text(at, device->settled);
    for (unsigned i = 0; i < device->subscriptions_count; i++) {
        at = put_subscription(at, &device->subscriptions[i]);
    }
    return record;
}

push_record_t *push_device_refresh(const unsigned char *id, unsigned shard)
{
    push_record_t *record = record_create(PUSH_RECORD_DEVICE, id,
                                          PUSH_CONTEXT_BYTES, 0);

    if (record) {
        record->how = PUSH_RECORD_REFRESH;
        record->shard = (uint8_t)shard;
    }
    return record;
}

static bool get_subscriptions(reader_t *r, unsigned count,
                              push_device_record_t *device)
{
    if (!count || count > 1 + PUSH_CHANNELS_MAX) {
        return false;
    }
    device->subscriptions_count = count;
    for (unsigned i = 0; i < count; i++) {
        push_subscription_record_t *saved = &device->subscriptions[i];
        uint8_t len;

        GET(r, len);
        saved->name = get_text(r, len);
        GET(r, saved->joined);
        GET(r, saved->next);
        if ((i == 0) != (len == 0)) {
            return false;
        }
    }
    return true;
}

static void take_head(push_device_record_t *device, const device_head_t *head)
{
    device->traits = head->traits;
    device->lowest = head->lowest;
    device->max_in_flight = head->max_in_flight;
    device->first_seen = head->first_seen;
    device->last_seen = head->last_seen;
    device->last_ack = head->last_ack;
    device->left = head->left;
    device->losses = head->losses;
}

bool push_device_read(push_text_t key, push_text_t value,
                      push_device_record_t *device)
{
    static const uint8_t known = PUSH_DEVICE_EXPLICIT | PUSH_DEVICE_MADE_UP
                                 | PUSH_DEVICE_STATE_LOST;
    reader_t r = reader(value);
    device_head_t head;
    size_t labels = 0;

    GET(&r, head);
    take_head(device, &head);
    device->user = get_text(&r, head.user_len);
    for (int i = 0; i < PUSH_LABELS; i++) {
        device->labels[i] = get_text(&r, head.labels[i]);
        labels += head.labels[i];
    }
    device->settled = get_text(&r, head.settled * sizeof(push_settled_t));
    if (!get_subscriptions(&r, head.subscriptions, device) || !complete(&r)
        || !is_key(key, PUSH_RECORD_DEVICE, PUSH_CONTEXT_BYTES)
        || head.traits & (uint8_t)~known || head.lowest >= PUSH_LANES
        || !head.user_len || !head.max_in_flight || labels > PUSH_LABELS_MAX
        || head.labels[PUSH_LABEL_DEVICE] > PUSH_DEVICE_MAX) {
        return false;
    }
    memcpy(device->id, key.at + 1, PUSH_CONTEXT_BYTES);
    return true;
}
