#include "store_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_suite.h"
#include "core_world.h"
#include "store/disk/record.h"
#include "store/disk/journal_thread.h"

/*
 * A state file that is cut, or in which bits have flipped: a start gives a
 * part of what was published and nothing else, or refuses with a sentence.
 */

#define NAMES    6
#define MESSAGES 12
#define SEEDS    40
#define PAGE     4096u

static disk_t disk;
static char *whole; /* the file, sound */
static size_t whole_size;

/* The payload that the k-th message for a name has: long ones span pages. */
static const char *payload(int name, int k)
{
    static char text[4000];
    int len = k % 4 == 3 ? 3000 : 40;

    snprintf(text, sizeof(text), "for %d no %d %0*d", name, k, len, name * k);
    return text;
}

static const char *name_of(int name)
{
    static char text[16];

    snprintf(text, sizeof(text), "n%d", name);
    return text;
}

static void publish_all(int name)
{
    for (int k = 0; k < MESSAGES; k++) {
        ck_assert_int_eq(fixture_publish(&disk.g, PUSH_LOG_USER, name_of(name),
                                         payload(name, k), PUSH_NORMAL),
                         PUSH_OK);
    }
}

static void begin(void)
{
    push_stream_ref_t stream_ref;

    disk_init(&disk);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    for (int name = 0; name < NAMES; name++) {
        ck_assert_int_eq(fixture_checkin(&disk.g, name_of(name), "d", "c",
                                         &stream_ref),
                         PUSH_OK);
        publish_all(name);
        fixture_flush(&disk.g, &stream_ref);
        fixture_ack(&disk.g, name_of(name), &stream_ref, 2);
        push_store_checkout(&disk.g.store, &stream_ref, &disk.g.now);
    }
    push_journal_stop(&disk.g.store);
    whole = disk_bytes(disk.file, &whole_size);
}

static void end(void)
{
    free(whole);
    disk_cleanup(&disk);
}

/* ---- kinds of damage ---- */

static size_t flip_bits(dice_t *d, char *bytes, size_t size)
{
    for (uint32_t i = 1 + dice_below(d, 8); i > 0; i--) {
        bytes[dice_below(d, (uint32_t)size)] ^= (char)(1 << dice_below(d, 8));
    }
    return size;
}

static size_t flip_beyond_heads(dice_t *d, char *bytes, size_t size)
{
    return 2 * PAGE + flip_bits(d, bytes + 2 * PAGE, size - 2 * PAGE);
}

static size_t cut(dice_t *d, char *bytes, size_t size)
{
    (void)bytes;
    return dice_below(d, (uint32_t)size);
}

static size_t scribble(dice_t *d, char *bytes, size_t size)
{
    uint32_t len = 1 + dice_below(d, 2 * PAGE);
    uint32_t at = dice_below(d, (uint32_t)size - len);

    for (uint32_t i = 0; i < len; i++) {
        bytes[at + i] = (char)dice_next(d);
    }
    return size;
}

static size_t forget_page(dice_t *d, char *bytes, size_t size)
{
    memset(bytes + dice_below(d, (uint32_t)(size / PAGE)) * PAGE, 0, PAGE);
    return size;
}

static size_t swap_pages(dice_t *d, char *bytes, size_t size)
{
    char *a = bytes + (2 + dice_below(d, (uint32_t)(size / PAGE) - 2)) * PAGE;
    char *b = bytes + (2 + dice_below(d, (uint32_t)(size / PAGE) - 2)) * PAGE;
    char page[PAGE];

    memcpy(page, a, PAGE);
    memmove(a, b, PAGE);
    memcpy(b, page, PAGE);
    return size;
}

static size_t (*const kinds[])(dice_t *d, char *bytes, size_t size) = {
    flip_bits, flip_beyond_heads, cut, scribble, forget_page, swap_pages};

#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

/* ---- what may come of it ---- */

static void expect_genuine(int name, const push_message_t *message)
{
    push_text_t data = world_payload(message);
    int from = -1, k = -1;

    NEEDS(sscanf(data.at, "for %d no %d ", &from, &k) == 2 && from == name
              && k >= 0 && k < MESSAGES,
          "n%d got \"%.20s\"", name, data.at);
    NEEDS(data.len == strlen(payload(name, k))
              && !memcmp(data.at, payload(name, k), data.len),
          "a message of n%d is not what was published", name);
}

static void expect_only_what_was_published(void)
{
    push_stream_ref_t stream_ref;

    for (int name = 0; name < NAMES; name++) {
        ck_assert_int_eq(fixture_checkin(&disk.g, name_of(name), "d", "c",
                                         &stream_ref),
                         PUSH_OK);
        ck_assert_ptr_nonnull(fixture_flush(&disk.g, &stream_ref));
        /* Nobody knows what is missing, so each is told that something is. */
        if (disk.recovery.aside[0]
            && disk.recovery.restored.devices == NAMES) {
            ck_assert_uint_eq(disk.g.delivery.gaps_count, 1);
            ck_assert_int_eq(disk.g.delivery.gaps[0].reason,
                             PUSH_GAP_STATE_LOST);
        }
        for (unsigned i = 0; i < disk.g.delivery.count; i++) {
            expect_genuine(name, disk.g.delivery.picks[i].message);
        }
    }
}

static void expect_same(const char *path, const char *bytes, size_t size)
{
    size_t now;
    char *found = disk_bytes(path, &now);

    ck_assert_uint_eq(now, size);
    ck_assert(!memcmp(found, bytes, size));
    free(found);
}

/* The service goes on with a file that is sound. */
static void expect_sound(void)
{
    uint64_t before = disk.recovery.restored.messages;

    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    ck_assert_int_eq(disk_accept(&disk, PUSH_LOG_USER, "other", "new"),
                     PUSH_OK);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert(!disk.recovery.cut && !disk.recovery.damaged
              && !disk.recovery.restored.invalid);
    ck_assert_uint_eq(disk.recovery.restored.messages, before + 1);
    push_journal_stop(&disk.g.store);
}

static void judge(const char *bytes, size_t size)
{
    char aside[sizeof(disk.dir) + sizeof(disk.recovery.aside) + 1];

    if (disk_recover(&disk, DISK_ROOM) == PUSH_RECOVER_REFUSED) {
        ck_assert_uint_gt(strlen(disk.recovery.why.text), 20);
        expect_same(disk.file, bytes, size);
        return;
    }
    if (disk.recovery.aside[0]) {
        snprintf(aside, sizeof(aside), "%s/%s", disk.dir, disk.recovery.aside);
        expect_same(aside, bytes, size);
        ck_assert_int_eq(unlink(aside), 0);
    }
    else {
        ck_assert_uint_eq(disk.recovery.damaged, 0);
    }
    expect_only_what_was_published();
    expect_sound();
}

START_TEST(a_damaged_state_gives_a_part_of_the_truth_or_a_sentence)
{
    for (int seed = 0; seed < SEEDS; seed++) {
        dice_t d = dice((uint64_t)(_i * 1000 + seed));
        char *bytes = malloc(whole_size);
        size_t size;

        memcpy(bytes, whole, whole_size);
        size = kinds[_i](&d, bytes, whole_size);
        disk_write(disk.file, bytes, size);
        judge(bytes, size);
        free(bytes);
    }
}
END_TEST

START_TEST(a_sound_state_comes_back_whole)
{
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    ck_assert_uint_eq(disk.recovery.restored.messages, NAMES * MESSAGES);
    ck_assert_uint_eq(disk.recovery.restored.devices, NAMES);
    ck_assert_str_eq(disk.recovery.aside, "");
}
END_TEST

/* ---- records: the lengths in them are not believed ---- */

static push_text_t text_of(const void *at, size_t len)
{
    return (push_text_t){at, (uint32_t)len};
}

static void read_any(char type, push_text_t key, push_text_t value,
                     bool *taken)
{
    push_message_record_t message;
    push_device_record_t device;
    push_key_record_t record;

    switch (type) {
    case PUSH_RECORD_MESSAGE:
        *taken = push_message_read(key, value, &message);
        break;
    case PUSH_RECORD_DEVICE:
        *taken = push_device_read(key, value, &device);
        break;
    default:
        *taken = push_key_read(key, value, &record);
        break;
    }
}

static push_record_t *sample(int which)
{
    push_message_record_t message = {
        .kind = PUSH_LOG_USER,
        .fate = PUSH_LIVE,
        .name = named("ada"),
        .stored = {.mid = 7,
                   .topic = named("t"),
                   .device = named("d"),
                   .content = {.event = named("e"),
                               .trace = named("0123456789abcdef01234567x"),
                               .type = named("text/plain"),
                               .data = named("x")}}};
    push_device_record_t device = {.user = named("ada"),
                                   .max_in_flight = 5,
                                   .subscriptions_count = 2,
                                   .labels = {named("d"), named("app")}};
    push_key_record_t key = {.request = 9};

    device.subscriptions[1].name = named("c");
    return which == 0   ? push_message_make(&message)
           : which == 1 ? push_device_make(&device)
                        : push_key_make(&key);
}

/* A copy of exactly this length, so that a sanitizer sees who reads on. */
static void expect_taken(const push_record_t *record, size_t len, bool wanted)
{
    char *copy = malloc(len + !len);
    bool taken = false;

    memcpy(copy, record->value, len);
    read_any((char)record->key[0], text_of(record->key, record->key_len),
             text_of(copy, len), &taken);
    NEEDS(taken == wanted, "%zu of %u bytes of a record %c", len, record->len,
          record->key[0]);
    free(copy);
}

START_TEST(a_record_is_read_whole_or_not_at_all)
{
    push_record_t *record = sample(_i);

    for (size_t len = 0; len < record->len; len++) {
        expect_taken(record, len, false);
    }
    expect_taken(record, record->len, true);
    free(record);
}
END_TEST

START_TEST(a_record_of_any_bytes_is_read_within_its_bounds)
{
    push_record_t *record = sample(_i);
    dice_t d = dice((uint64_t)_i + 1);

    for (int round = 0; round < 20000; round++) {
        uint32_t len = dice_below(&d, record->len) + 1;
        char *copy = malloc(len);
        bool taken;

        memcpy(copy, record->value, len);
        for (uint32_t i = dice_below(&d, 4) + 1; i > 0; i--) {
            copy[dice_below(&d, len)] = (char)dice_next(&d);
        }
        read_any((char)record->key[0], text_of(record->key, record->key_len),
                 text_of(copy, len), &taken);
        free(copy);
    }
    free(record);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("damage");
    TCase *file = unit_case(suite, "file", 300);
    TCase *records = unit_case(suite, "records", 60);

    tcase_add_checked_fixture(file, begin, end);
    tcase_add_test(file, a_sound_state_comes_back_whole);
    tcase_add_loop_test(
        file, a_damaged_state_gives_a_part_of_the_truth_or_a_sentence, 0,
        KINDS);
    tcase_add_loop_test(records, a_record_is_read_whole_or_not_at_all, 0, 3);
    tcase_add_loop_test(records,
                        a_record_of_any_bytes_is_read_within_its_bounds, 0, 3);
    return unit_run(suite);
}
