#include "core_suite.h"
#include "feeds/queue.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

/* Pieces of bytes from many threads to one, without locks. */

START_TEST(a_queue_gives_back_what_was_put_in_round_and_round)
{
    push_feed_queue_t *queue = push_feed_queue_create(256);
    dice_t d = dice(7);
    char put[100], taken[100];
    unsigned in = 0, out = 0;

    for (int i = 0; i < 20000; i++) {
        size_t len = 1 + in % 90;

        memset(put, (int)(in % 251), sizeof(put));
        if (dice_one_in(&d, 2)) {
            in += push_feed_queue_put(queue, put, len);
            continue;
        }
        len = push_feed_queue_take(queue, taken, sizeof(taken));
        ck_assert_uint_eq(len, out == in ? 0 : 1 + out % 90);
        ck_assert(!len || (unsigned char)taken[len - 1] == out % 251);
        out += len != 0;
    }
    ck_assert_uint_gt(out, 5000);
    push_feed_queue_destroy(queue);
}
END_TEST

START_TEST(a_full_queue_refuses_and_loses_nothing)
{
    push_feed_queue_t *queue = push_feed_queue_create(256);
    char bytes[24] = "x";
    unsigned in = 0, out = 0;

    while (push_feed_queue_put(queue, bytes, sizeof(bytes))) {
        in++;
    }
    ck_assert_uint_eq(in, 8);
    while (push_feed_queue_take(queue, bytes, sizeof(bytes))) {
        out++;
    }
    ck_assert_uint_eq(out, in);
    ck_assert(push_feed_queue_put(queue, bytes, sizeof(bytes)));
    push_feed_queue_destroy(queue);
}
END_TEST

#define PUTTERS    4
#define PIECES     20000u
#define SMALL_ROOM 4096u

static push_feed_queue_t *shared;

static void *put_all(void *data)
{
    uint32_t piece[7] = {(uint32_t)(uintptr_t)data};

    for (uint32_t i = 1; i <= PIECES; i++) {
        piece[1] = i;
        while (!push_feed_queue_put(shared, piece,
                                    8 + (i % 6) * sizeof(*piece))) {
            sched_yield();
        }
    }
    return NULL;
}

START_TEST(many_threads_put_in_what_one_takes_in_the_order_of_each)
{
    pthread_t threads[PUTTERS];
    uint32_t last[PUTTERS] = {0};
    uint32_t piece[7];
    unsigned taken = 0;

    shared = push_feed_queue_create(SMALL_ROOM);
    for (uintptr_t i = 0; i < PUTTERS; i++) {
        ck_assert(!pthread_create(&threads[i], NULL, put_all, (void *)i));
    }
    while (taken < PUTTERS * PIECES) {
        if (!push_feed_queue_take(shared, piece, sizeof(piece))) {
            push_feed_queue_wait(shared, 1000);
            continue;
        }
        ck_assert_uint_eq(piece[1], ++last[piece[0]]);
        taken++;
    }
    for (int i = 0; i < PUTTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    push_feed_queue_destroy(shared);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("the queue of feeds");
    TCase *tc = unit_case(suite, "queue", 60);

    tcase_add_test(tc, a_queue_gives_back_what_was_put_in_round_and_round);
    tcase_add_test(tc, a_full_queue_refuses_and_loses_nothing);
    tcase_add_test(tc,
                   many_threads_put_in_what_one_takes_in_the_order_of_each);
    return unit_run(suite);
}
