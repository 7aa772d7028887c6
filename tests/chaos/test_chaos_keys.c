/*
 * Idempotency keys that come again and again, over all children at once.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "chaos.h"
#include "crowd.h"
#include "feed.h"
#include "keep.h"
#include "verbs.h"

#define CLIENTS 20
#define OPEN_MS 30000

/* The mid that each key was first answered with. */
struct book {
    char (*mids)[16];
    uint64_t used; /* keys that have one */
    uint64_t torn; /* answers that named another one */
};

static void on_accepted(struct feed *feed, uint64_t key, const char *mid)
{
    struct book *book = feed->baton;

    if (*book->mids[key] == '\0') {
        snprintf(book->mids[key], sizeof(*book->mids), "%s", mid);
        book->used++;
    }
    else if (strcmp(book->mids[key], mid) != 0) {
        book->torn++;
    }
}

/* Half of all publishes repeat a key that another one had, mostly over
 * another connection and so at another child. */
START_TEST(of_publishes_with_repeated_keys_one_a_key_is_accepted)
{
    struct server_options so = {
        .children = 4,
        .global = "PushShmSize 1G\nPushMaxPending 1000000\n"
                  "PushIdempotencyWindow 3600"};
    int all = chaos_pick(20000, 1000000);
    struct server *s = server_start(&so);
    struct loop *loop = loop_create();
    struct crowd_options co = {.server = s, .count = CLIENTS, .ack_ms = 500};
    struct feed_options fo = {.server = s,
                              .users = CLIENTS,
                              .connections = 32,
                              .keys = all / 2,
                              .limit = (uint64_t)all};
    struct book book = {keep(calloc((size_t)all / 2, 16), free), 0, 0};
    struct crowd *crowd = crowd_start(loop, &co);
    struct feed *feed;

    loop_until(loop, OPEN_MS, crowd_open(crowd) == CLIENTS);
    feed = feed_start(loop, &fo);
    feed->on_accepted = on_accepted;
    feed->baton = &book;
    loop_until(loop, 1000 * (int64_t)chaos_limit() / 2, feed_is_idle(feed));
    feed_finish(feed);
    loop_until(loop, OPEN_MS, crowd->counts.delivered >= book.used);
    ck_assert_int_eq(feed->counts.accepted, (unsigned)all);
    ck_assert_int_eq(book.torn, 0);
    /* Nothing comes behind what is counted: a message that is published
     * after all the others is the last one to come. */
    publish(s, "user=u0", "Urgency: very-low\r\n", "last 1");
    loop_until(loop, OPEN_MS, crowd->counts.delivered > book.used);
    ck_assert_int_eq(crowd->counts.delivered, book.used + 1);
    ck_assert_int_eq(stat_of(s, "published"), (int64_t)book.used + 1);
    printf("%d publishes of %llu keys: %llu answered \"still running\"\n", all,
           (unsigned long long)book.used,
           (unsigned long long)feed->counts.busy);
    crowd_close(crowd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chaos keys");
    TCase *tc = case_add(suite, "keys", chaos_limit());

    tcase_add_test(tc, of_publishes_with_repeated_keys_one_a_key_is_accepted);
    return chaos_run(suite);
}
