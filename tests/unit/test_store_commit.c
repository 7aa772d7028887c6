#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core_suite.h"
#include "core_world.h"
#include "store/disk/disk.h"
#include "store_disk.h"

/* What a caller waits for stands in its push_commit_t, nowhere else. */

static disk_t disk;

static void begin(void)
{
    disk_init(&disk);
}

static void end(void)
{
    disk_cleanup(&disk);
}

static push_status_t publish(push_commit_t *commit, push_answer_t *answer)
{
    push_publication_t publication = {.audience = {PUSH_LOG_USER, named("ada"),
                                                   0},
                                      .spec = spec("x"),
                                      .now = disk.g.now};

    return disk.broker.publish(&disk.broker, &publication, commit, answer);
}

/* ---- another thread ---- */

typedef struct {
    push_commit_t commit;
    push_answer_t answer;
    push_status_t status;
} work_t;

static void *settle(void *data)
{
    work_t *work = data;

    work->status = disk.broker.settle(&disk.broker, &work->commit,
                                      &work->answer);
    return NULL;
}

/* Ends without stopping its journal. */
static int publish_here_and_settle_there(void *data)
{
    work_t work = {0};
    pthread_t other;

    (void)data;
    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    CHILD_NEEDS(publish(&work.commit, &work.answer) == PUSH_OK);
    CHILD_NEEDS(!pthread_create(&other, NULL, settle, &work));
    CHILD_NEEDS(!pthread_join(other, NULL));
    CHILD_NEEDS(work.status == PUSH_OK);
    return 0;
}

START_TEST(a_commit_is_waited_for_by_any_thread)
{
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    child_expect(child_start(publish_here_and_settle_there, NULL));
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk.recovery.restored.messages, 1);
}
END_TEST

/* ---- several commits of one thread ---- */

START_TEST(each_commit_answers_for_what_was_handed_over_for_it)
{
    push_commit_t well = {0}, failed = {0}, empty = {0};
    push_answer_t first, second;
    char hidden[128];

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    snprintf(hidden, sizeof(hidden), "%s/hidden", disk.dir);
    ck_assert_int_eq(rename(disk.file, hidden), 0);
    ck_assert_int_eq(publish(&failed, &first), PUSH_OK);
    ck_assert_int_eq(push_journal_wait(&disk.g.store, &failed), PUSH_NO_STATE);
    ck_assert_int_eq(rename(hidden, disk.file), 0);
    DISK_AWAIT(disk.well == 1);
    ck_assert_int_eq(publish(&well, &second), PUSH_OK);
    ck_assert_int_eq(disk.broker.settle(&disk.broker, &well, &second),
                     PUSH_OK);
    ck_assert_int_eq(push_journal_wait(&disk.g.store, &empty), PUSH_OK);
    ck_assert_int_eq(disk.broker.settle(&disk.broker, &failed, &first),
                     PUSH_NO_STATE);
}
END_TEST

/* ---- while what a dead process left is written again ---- */

#define ROOM ((size_t)32 << 20)

/* In each shard, so long a message each. */
static void fill(unsigned users, unsigned length)
{
    char name[16], text[4096];

    memset(text, 'x', sizeof(text));
    text[length] = '\0';
    ck_assert_int_eq(disk_recover(&disk, ROOM), PUSH_RECOVERED);
    for (unsigned i = 0; i < users; i++) {
        snprintf(name, sizeof(name), "u%u", i);
        ck_assert_int_eq(disk_accept(&disk, PUSH_LOG_USER, name, text),
                         PUSH_OK);
    }
    push_disk_missing(&disk.g.store, 1);
}

static uint64_t records(void)
{
    return atomic_load(&disk.g.store.segment->disk.records);
}

START_TEST(small_shards_are_made_good_with_few_syncs)
{
    const push_disk_t *shared;

    fill(1000, 10);
    shared = &disk.g.store.segment->disk;
    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    DISK_AWAIT(records() >= 1000);
    ck_assert_uint_eq(atomic_load(&shared->missing), 0);
    ck_assert_uint_lt(atomic_load(&shared->writes), 4);
}
END_TEST

START_TEST(who_waits_for_the_state_does_not_wait_until_all_is_made_good)
{
    unsigned amid = 0;

    fill(4000, 4000);
    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    DISK_AWAIT(records() > 0);
    while (records() < 4000) {
        push_commit_t commit = {0};
        push_answer_t answer;

        ck_assert_int_eq(publish(&commit, &answer), PUSH_OK);
        ck_assert_int_eq(push_journal_wait_state(&disk.g.store, &commit),
                         PUSH_OK);
        amid += records() < 4000;
    }
    ck_assert_uint_gt(amid, 0);
    ck_assert_int_eq(disk_recover(&disk, ROOM), PUSH_RECOVERED);
    ck_assert_uint_gt(disk.recovery.restored.messages, 4000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("commit");
    TCase *tokens = unit_case(suite, "tokens", 60);

    tcase_add_checked_fixture(tokens, begin, end);
    tcase_add_test(tokens, a_commit_is_waited_for_by_any_thread);
    tcase_add_test(tokens,
                   each_commit_answers_for_what_was_handed_over_for_it);
    tcase_add_test(tokens, small_shards_are_made_good_with_few_syncs);
    tcase_add_test(
        tokens, who_waits_for_the_state_does_not_wait_until_all_is_made_good);
    return unit_run(suite);
}
