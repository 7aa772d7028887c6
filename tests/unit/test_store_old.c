#include <stdlib.h>
#include <string.h>

#include "core_suite.h"
#include "store/disk/durable.h"
#include "store/disk/record.h"
#include "store/disk/record_old.h"
#include "store/ops/keys.h"
#include "store_disk.h"

/* Messages as versions 1 to 3 of the state had them, and keys up to 4. */

static disk_t disk;

static void begin(void)
{
    disk_init(&disk);
}

static void end(void)
{
    disk_cleanup(&disk);
}

#define TEXT(literal) literal, sizeof(literal) - 1

/* Behind the head: name "ada", no Topic, device "d", the frame. */
static size_t old_value(char *value, int fate, const char *frame, size_t len)
{
    const char head[] = {PUSH_LOG_USER, (char)fate, PUSH_LOW, 1, 3, 0, 1, 0};

    memcpy(value, head, sizeof(head));
    memcpy(value + sizeof(head), "adad", 4);
    memcpy(value + sizeof(head) + 4, frame, len);
    return sizeof(head) + 4 + len;
}

static push_text_t text_of(const void *at, size_t len)
{
    return (push_text_t){at, (uint32_t)len};
}

static const char key[] = "M\0\0\0\0\0\0\0\7";

static bool read_old(char *value, size_t len, push_message_record_t *message)
{
    uint32_t now = push_message_upgrade(value, (uint32_t)len);

    NEEDS(now <= len, "%u bytes of %zu", now, len);
    return push_message_read(text_of(key, 9), text_of(value, now), message);
}

static const struct {
    const char *frame;
    size_t len;
    const char *event, *data;
    size_t data_len;
} rows[] = {
    {TEXT("data: \n\n"), "", TEXT("")},
    {TEXT("data: hello\n\n"), "", TEXT("hello")},
    {TEXT("event: e\ndata: \n\n"), "e", TEXT("")},
    {TEXT("event: trip.eta\nack: now\ndata: {}\n\n"), "trip.eta", TEXT("{}")},
    {TEXT("ack: now\ndata: a\ndata: b\n\n"), "", TEXT("a\nb")},
    {TEXT("data: \ndata: \n\n"), "", TEXT("\n")},
    {TEXT("event: e\ndata: \ndata: data: x\ndata:  y\ndata: \n\n"), "e",
     TEXT("\ndata: x\n y\n")},
    {TEXT("enc: base64\ndata: YQBi\n\n"), "", TEXT("a\0b")},
    {TEXT("event: e\nack: now\nenc: base64\ndata: /w==\n\n"), "e",
     TEXT("\xff")},
};

START_TEST(a_frame_becomes_event_type_and_payload)
{
    char value[256];
    size_t len = old_value(value, PUSH_LIVE, rows[_i].frame, rows[_i].len);
    push_message_record_t message;
    push_stored_t *stored = &message.stored;

    ck_assert(read_old(value, len, &message));
    ck_assert_uint_eq(stored->mid, 7);
    ck_assert_int_eq(stored->urgency, PUSH_LOW);
    ck_assert(stored->content.ack_now);
    ck_assert_mem_eq(message.name.at, "ada", 3);
    ck_assert_mem_eq(stored->device.at, "d", 1);
    ck_assert_uint_eq(stored->content.type.len, 0);
    ck_assert_uint_eq(stored->content.event.len, strlen(rows[_i].event));
    ck_assert_mem_eq(stored->content.event.at, rows[_i].event,
                     stored->content.event.len);
    ck_assert_uint_eq(stored->content.data.len, rows[_i].data_len);
    ck_assert_mem_eq(stored->content.data.at, rows[_i].data,
                     rows[_i].data_len);
}
END_TEST

/* In memory of exactly this length, so that a sanitizer sees who reads on. */
START_TEST(a_part_of_a_frame_is_no_message)
{
    for (size_t len = 0; len < rows[_i].len; len++) {
        char *value = malloc(12 + len);
        push_message_record_t message;
        size_t all = old_value(value, PUSH_LIVE, rows[_i].frame, len);

        NEEDS(!read_old(value, all, &message), "%zu bytes", len);
        free(value);
    }
}
END_TEST

static const struct {
    const char *frame;
    size_t len;
} wrong[] = {
    {TEXT("id: 1\ndata: x\n\n")},
    {TEXT("data: x\n\n\n")},
    {TEXT("data: x\nevent: y\n\n")},
    {TEXT("event: \ndata: x\n\n")},
    {TEXT("event: a b\ndata: x\n\n")},
    {TEXT("enc: base64\ndata: Y\n\n")},
    {TEXT("enc: base64\ndata: YQBi\ndata: YQBi\n\n")},
    {TEXT("data:x\n\n")},
};

START_TEST(what_is_no_frame_is_no_message)
{
    char value[256];
    size_t len = old_value(value, PUSH_LIVE, wrong[_i].frame, wrong[_i].len);
    push_message_record_t message;

    ck_assert(!read_old(value, len, &message));
}
END_TEST

START_TEST(a_message_that_ended_stays_one)
{
    char value[256];
    size_t len = old_value(value, PUSH_RECALLED, "", 0);
    push_message_record_t message;

    ck_assert(read_old(value, len, &message));
    ck_assert_int_eq(message.fate, PUSH_RECALLED);
    len = old_value(value, PUSH_RECALLED, TEXT("data: \n\n"));
    ck_assert(!read_old(value, len, &message));
}
END_TEST

/* ---- version 3 ---- */

/* Behind the head: name "ada", no Topic, device "d", the body. */
static size_t value_3(char *value, int fate, const char *body, size_t len)
{
    size_t size = old_value(value, fate, body, len);

    value[PUSH_MESSAGE_FORM_AT] = 3;
    return size;
}

#define BODY_3 "\1\3\2\0\0\0ea/bxy"

START_TEST(a_message_of_version_3_has_no_trace_and_all_the_rest)
{
    char value[256];
    size_t len = value_3(value, PUSH_LIVE, TEXT(BODY_3));
    push_message_record_t message;
    const push_content_t *content = &message.stored.content;

    ck_assert(read_old(value, len, &message));
    ck_assert_uint_eq(content->trace.len, 0);
    ck_assert_mem_eq(content->event.at, "e", 1);
    ck_assert_mem_eq(content->type.at, "a/b", 3);
    ck_assert_uint_eq(content->data.len, 2);
    ck_assert_mem_eq(content->data.at, "xy", 2);
    len = value_3(value, PUSH_RECALLED, "", 0);
    ck_assert(read_old(value, len, &message));
    ck_assert_int_eq(message.fate, PUSH_RECALLED);
}
END_TEST

/* In memory of exactly this length, so that a sanitizer sees who reads on. */
START_TEST(a_part_of_a_message_of_version_3_is_none)
{
    for (size_t len = 0; len < sizeof(BODY_3) - 1; len++) {
        char *value = malloc(12 + len);
        push_message_record_t message;
        size_t all = value_3(value, PUSH_LIVE, BODY_3, len);

        NEEDS(!read_old(value, all, &message), "%zu bytes", len);
        free(value);
    }
}
END_TEST

START_TEST(damage_in_version_3_is_not_taken_for_a_trace)
{
    static const char body[] = "\x81\0\1\0\0\0e0123456789abcdef01234567xx";
    char value[256];
    size_t len = value_3(value, PUSH_LIVE, body, sizeof(body) - 1);
    push_message_record_t message;

    ck_assert(!read_old(value, len, &message));
    value[PUSH_MESSAGE_FORM_AT] = PUSH_MESSAGE_FORM;
    ck_assert(read_old(value, len, &message));
    ck_assert_uint_eq(message.stored.content.trace.len,
                      PUSH_TRACEPARENT_BYTES);
    ck_assert_mem_eq(message.stored.content.data.at, "x", 1);
}
END_TEST

/* ---- a whole state ---- */

/* Its mid is of the shard that has its user. */
static push_record_t *old_record(uint64_t number, int fate, const char *frame)
{
    uint64_t mid = number << 22
                   | push_store_name(&disk.g.store, named("ada")).shard << 6;
    push_record_t *record = calloc(1, sizeof(*record) + 256);

    record->key[0] = PUSH_RECORD_MESSAGE;
    for (int i = 8; i > 0; i--) {
        record->key[i] = (unsigned char)mid;
        mid >>= 8;
    }
    record->key_len = 9;
    record->expires = disk.g.now.wall + 60000;
    record->len = (uint32_t)old_value((char *)record->value, fate, frame,
                                      strlen(frame));
    return record;
}

static push_publication_t keyed(const char *user, const char *text)
{
    return (push_publication_t){
        .audience = {.kind = PUSH_LOG_USER, .name = named(user)},
        .spec = {.content.data = named(text), .ttl = 60000},
        .key = named("key"),
        .now = disk.g.now};
}

/* Its id said nothing of the audience. */
static push_record_t *old_key_record(const char *user, const char *text)
{
    const push_publication_t publication = keyed(user, text);
    push_key_record_t record = {.receipt = {.mid = 77, .recipients = 5},
                                .expires = disk.g.now.wall + 60000};
    push_claim_t claim;

    push_store_key_name(&disk.g.store, &publication, &claim);
    record.request = claim.request;
    push_store_digest(&publication.key, 1, record.id);
    return push_key_make(&record);
}

static void write_old(void)
{
    push_meta_record_t meta = {.version = 2};
    push_records_t records = {0};
    const push_durable_job_t job = {&records, 0, NULL, NULL};
    push_durable_error_t error;
    push_durable_t *durable;

    memcpy(meta.hash_key, disk.g.store.segment->hash_key,
           sizeof(meta.hash_key));
    ck_assert_int_eq(push_durable_open(&durable, disk.file, DISK_SIZE,
                                       PUSH_DURABLE_CREATE, &error),
                     PUSH_DURABLE_OK);
    push_records_append(&records, push_meta_make(&meta, PUSH_RECORD_META));
    push_records_append(&records, old_record(1, PUSH_LIVE, "data: a\n\n"));
    push_records_append(&records, old_record(2, PUSH_RECALLED, ""));
    push_records_append(&records,
                        old_record(3, PUSH_LIVE, "data: b\ndata: c\n\n"));
    push_records_append(&records, old_key_record("ada", "keyed"));
    push_records_append(&records, push_meta_make(&meta, PUSH_RECORD_META_2));
    ck_assert_int_eq(push_durable_write(durable, &job, &error),
                     PUSH_DURABLE_OK);
    push_records_cleanup(&records);
    push_durable_close(durable);
}

START_TEST(a_state_of_version_2_comes_back_and_is_a_new_one_then)
{
    push_stream_ref_t stream_ref;

    write_old();
    for (int i = 0; i < 2; i++) {
        disk_again(&disk, PUSH_DURABILITY_COMMIT);
        ck_assert_uint_eq(disk.recovery.restored.messages, 2);
        ck_assert_uint_eq(disk.recovery.restored.invalid, 0);
    }
    ck_assert_int_eq(fixture_checkin(&disk.g, "ada", "d", NULL, &stream_ref),
                     PUSH_OK);
    ck_assert_str_eq(fixture_flush(&disk.g, &stream_ref), "1=a 2=b\nc");
}
END_TEST

static push_status_t publish_keyed(const char *user, const char *text,
                                   push_answer_t *answer)
{
    push_publication_t publication = keyed(user, text);
    push_commit_t commit = {0};
    push_status_t status = disk.broker.publish(&disk.broker, &publication,
                                               &commit, answer);

    return status == PUSH_OK
               ? disk.broker.settle(&disk.broker, &commit, answer)
               : status;
}

START_TEST(a_key_of_all_audiences_answers_its_request_and_stops_no_other)
{
    push_answer_t answer;

    write_old();
    for (int i = 0; i < 2; i++) {
        disk_again(&disk, PUSH_DURABILITY_COMMIT);
        ck_assert_int_eq(publish_keyed("ada", "keyed", &answer), PUSH_OK);
        ck_assert(answer.again);
        ck_assert_uint_eq(answer.receipt.mid, 77);
        ck_assert_uint_eq(answer.receipt.recipients, 5);
        ck_assert_int_eq(publish_keyed("bob", "keyed", &answer), PUSH_OK);
        ck_assert_int_eq(answer.again, i);
        ck_assert_uint_ne(answer.receipt.mid, 77);
    }
    fixture_pass(&disk.g, 60000);
    ck_assert_int_eq(publish_keyed("ada", "keyed", &answer), PUSH_OK);
    ck_assert(!answer.again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("old");
    TCase *tc = unit_case(suite, "records", 60);

    tcase_add_row_test(tc, a_frame_becomes_event_type_and_payload, rows);
    tcase_add_row_test(tc, a_part_of_a_frame_is_no_message, rows);
    tcase_add_row_test(tc, what_is_no_frame_is_no_message, wrong);
    tcase_add_test(tc, a_message_that_ended_stays_one);
    tcase_add_test(tc, a_message_of_version_3_has_no_trace_and_all_the_rest);
    tcase_add_test(tc, a_part_of_a_message_of_version_3_is_none);
    tcase_add_test(tc, damage_in_version_3_is_not_taken_for_a_trace);
    tc = unit_case(suite, "state", 60);
    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_state_of_version_2_comes_back_and_is_a_new_one_then);
    tcase_add_test(
        tc, a_key_of_all_audiences_answers_its_request_and_stops_no_other);
    return unit_run(suite);
}
