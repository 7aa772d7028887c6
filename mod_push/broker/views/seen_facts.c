#include "broker/views/seen_facts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "broker/node/names.h"
#include "store/ops/apply.h"
#include "store/ops/explain.h"

/* Numbers that nodes of all versions know: none is ever used again. */
enum {
    FIELD_MID = 1,
    FIELD_LOG, /* of the audience */
    FIELD_USER,
    FIELD_DEVICE
};
enum {
    FIELD_FACTS = 1, /* a row */
    FIELD_OTHER      /* 1: the message is of another audience */
};
enum {
    FIELD_KIND = 1, /* of the message's log: a letter, as in its name */
    FIELD_TRACE,    /* its entries, as they are */
    FIELD_ID,
    FIELD_MEMBERS = 16 /* and the number of the member */
};

/* Where facts have a number or a text; the order stays, new ones come last. */
static const struct {
    size_t at, size;
    bool text;
} members[] = {
#define NUMBER(member)                                                        \
    {                                                                         \
        offsetof(push_facts_t, member), sizeof(((push_facts_t *)0)->member),  \
            false                                                             \
    }
#define TEXT(member)                                                          \
    {                                                                         \
        offsetof(push_facts_t, member), sizeof(((push_facts_t *)0)->member),  \
            true                                                              \
    }
    NUMBER(message.mid),
    NUMBER(message.known),
    TEXT(message.name),
    TEXT(message.device),
    NUMBER(message.urgency),
    NUMBER(message.now_only),
    NUMBER(message.fate),
    NUMBER(message.ends),
    NUMBER(message.successor),
    NUMBER(message.gone),
    NUMBER(message.gone_at),
    NUMBER(message.foreign),
    NUMBER(device.known),
    TEXT(device.label),
    TEXT(device.app),
    NUMBER(device.traits),
    NUMBER(device.went),
    NUMBER(device.lowest),
    NUMBER(device.first_seen),
    NUMBER(device.last_seen),
    NUMBER(device.last_ack),
    NUMBER(device.blocked),
    NUMBER(device.acked),
    NUMBER(device.sent),
    NUMBER(device.max_in_flight),
    NUMBER(device.oldest_sent),
    NUMBER(device.pending),
    NUMBER(device.filtered),
    NUMBER(device.lost),
    NUMBER(device.published),
    NUMBER(device.wants),
    NUMBER(device.follows),
    NUMBER(device.since),
    NUMBER(device.joined_late),
    NUMBER(device.fate),
    NUMBER(device.fate_at),
    NUMBER(device.held),
    NUMBER(device.seq),
    NUMBER(trace.on),
    NUMBER(trace.no_room),
    NUMBER(trace.base),
    TEXT(message.where)
#undef NUMBER
#undef TEXT
};

#define MEMBERS (sizeof(members) / sizeof(*members))

/* ---- the question ---- */

static push_text_t text_of(const char *text)
{
    return (push_text_t){text, (uint32_t)strlen(text)};
}

void push_seen_facts_ask(push_rows_t *question, const push_question_t *asked)
{
    char log[1 + PUSH_NAME_MAX];

    push_rows_number(question, FIELD_MID, asked->mid);
    if (asked->audience) {
        push_rows_text(question, FIELD_LOG,
                       push_names_write(asked->audience->kind,
                                        asked->audience->name, log));
    }
    push_rows_text(question, FIELD_USER, asked->user);
    push_rows_text(question, FIELD_DEVICE, asked->device);
}

/* The audience is read into a place of its own. */
static bool read_question(push_text_t question, push_question_t *asked,
                          push_audience_t *audience)
{
    *asked = (push_question_t){
        .mid = push_field_number_of(question, FIELD_MID),
        .user = push_field_text_of(question, FIELD_USER),
        .device = push_field_text_of(question, FIELD_DEVICE),
        .now = push_clock_now()};
    if (push_log_name_parse(push_field_text_of(question, FIELD_LOG),
                            &audience->kind, &audience->name)) {
        asked->audience = audience;
    }
    return asked->user.len && asked->user.len <= PUSH_NAME_MAX;
}

/* ---- who is asked ---- */

static void write_number(push_rows_t *rows, unsigned name, const char *at,
                         size_t size)
{
    uint64_t number = 0;

    if (size == 1) {
        number = *(const uint8_t *)at;
    }
    else if (size == 2) {
        number = *(const uint16_t *)at;
    }
    else if (size == 4) {
        number = *(const uint32_t *)at;
    }
    else {
        number = *(const uint64_t *)at;
    }
    push_rows_number(rows, name, number);
}

static void write_facts(push_rows_t *rows, const push_facts_t *facts)
{
    uint32_t row = push_rows_begin(rows, FIELD_FACTS);
    char log[1 + PUSH_NAME_MAX];

    for (unsigned i = 0; i < MEMBERS; i++) {
        const char *at = (const char *)facts + members[i].at;

        if (!members[i].text) {
            write_number(rows, FIELD_MEMBERS + i, at, members[i].size);
        }
        else if (*at) {
            push_rows_text(rows, FIELD_MEMBERS + i, text_of(at));
        }
    }
    if (facts->message.kind) {
        push_names_write(facts->message.kind, (push_text_t){"", 0}, log);
        push_rows_text(rows, FIELD_KIND, (push_text_t){log, 1});
    }
    push_rows_text(rows, FIELD_ID,
                   (push_text_t){(const char *)facts->device.id,
                                 PUSH_CONTEXT_BYTES});
    push_rows_text(rows, FIELD_TRACE,
                   (push_text_t){(const char *)facts->trace.entries,
                                 facts->trace.count
                                     * (uint32_t)sizeof(push_trace_entry_t)});
    push_rows_end(rows, row);
}

bool push_seen_facts_answer(push_cluster_t *cluster, push_text_t question,
                            push_rows_t *rows)
{
    push_facts_t *facts = malloc(PUSH_DEVICES_MAX * sizeof(*facts));
    push_status_t status = PUSH_NO_MEMORY;
    push_audience_t audience;
    push_question_t asked;
    unsigned count = 0;

    if (facts && read_question(question, &asked, &audience)) {
        status = push_store_explain(cluster->store, &asked, facts,
                                    PUSH_DEVICES_MAX, &count);
    }
    for (unsigned i = 0; status == PUSH_OK && i < count; i++) {
        write_facts(rows, &facts[i]);
    }
    push_rows_number(rows, FIELD_OTHER, status == PUSH_NOT_FOUND);
    free(facts);
    return status == PUSH_OK || status == PUSH_NOT_FOUND;
}

/* ---- who asks ---- */

static void read_member(const push_field_t *field, push_facts_t *facts)
{
    unsigned i = field->name - FIELD_MEMBERS;
    char *at = (char *)facts + members[i].at;
    uint64_t number = push_field_number(field);

    if (members[i].text) {
        size_t len = field->bytes.len < members[i].size ? field->bytes.len : 0;

        memcpy(at, field->bytes.at, len);
        at[len] = '\0';
    }
    else if (members[i].size == 1) {
        *(uint8_t *)at = number != 0;
    }
    else if (members[i].size == 2) {
        *(uint16_t *)at = (uint16_t)number;
    }
    else if (members[i].size == 4) {
        *(uint32_t *)at = (uint32_t)number;
    }
    else {
        *(uint64_t *)at = number;
    }
}

static void read_trace(push_text_t bytes, push_trace_view_t *trace)
{
    size_t count = bytes.len / sizeof(push_trace_entry_t);

    if (count && count <= PUSH_TRACE_KEPT) {
        memcpy(trace->entries, bytes.at, count * sizeof(push_trace_entry_t));
        trace->count = (unsigned)count;
    }
}

static void read_field(const push_field_t *field, push_facts_t *facts)
{
    push_text_t name;

    if (field->name >= FIELD_MEMBERS
        && field->name < FIELD_MEMBERS + MEMBERS) {
        read_member(field, facts);
    }
    else if (field->name == FIELD_KIND) {
        push_log_name_parse(field->bytes, &facts->message.kind, &name);
    }
    else if (field->name == FIELD_TRACE) {
        read_trace(field->bytes, &facts->trace);
    }
    else if (field->name == FIELD_ID
             && field->bytes.len == PUSH_CONTEXT_BYTES) {
        memcpy(facts->device.id, field->bytes.at, PUSH_CONTEXT_BYTES);
    }
}

/* Another version may know more. */
static bool is_sane(const push_facts_t *facts)
{
    return facts->message.known <= PUSH_KNOWN_NEVER
           && facts->message.urgency < PUSH_LANES
           && facts->message.fate < PUSH_FATES
           && facts->message.gone <= PUSH_GONE_NOBODY
           && facts->device.went < PUSH_WENT_CAUSES
           && facts->device.lowest < PUSH_LANES
           && facts->device.fate < PUSH_FATES;
}

bool push_seen_facts_read(push_text_t answer,
                          void (*visit)(void *data, const push_facts_t *facts),
                          void *data)
{
    push_facts_t *facts = malloc(sizeof(*facts));
    bool other = push_field_number_of(answer, FIELD_OTHER);
    push_field_t row;

    while (facts && push_field_next(&answer, &row)) {
        push_field_t field;

        memset(facts, 0, sizeof(*facts));
        while (row.name == FIELD_FACTS
               && push_field_next(&row.bytes, &field)) {
            read_field(&field, facts);
        }
        if (row.name == FIELD_FACTS && is_sane(facts)) {
            visit(data, facts);
        }
    }
    free(facts);
    return !other;
}
