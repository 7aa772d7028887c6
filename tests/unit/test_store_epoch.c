#include "store/shm/epoch.h"
#include "core_suite.h"
#include "core_world.h"
#include "store_fixture.h"
#include "store/shm/clock.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

static push_ref_t retired_object(void)
{
    push_heap_t *heap = &g.store.heaps[3];
    push_ref_t ref = heap->alloc(heap, 100, PUSH_PART);

    memset(push_at(heap, ref), 'x', 100);
    heap->retire(heap, ref);
    return ref;
}

/* Behind the first four bytes, which are the heap's. */
static bool untouched(push_ref_t ref)
{
    const char *at = push_at(&g.store.heaps[3], ref);

    for (int i = 4; i < 100; i++) {
        if (at[i] != 'x') {
            return false;
        }
    }
    return true;
}

static void churn(void)
{
    push_heap_t *heap = &g.store.heaps[3];

    for (int i = 0; i < 2000; i++) {
        push_ref_t ref = heap->alloc(heap, 100, PUSH_PART);

        memset(push_at(heap, ref), 'y', 100);
        heap->retire(heap, ref);
    }
    push_epoch_advance(&g.store.epoch);
}

START_TEST(what_is_retired_while_somebody_reads_stays_until_the_reader_leaves)
{
    push_seat_t *seat = &g.store.seats.seats[0];
    uint64_t used = g.store.segment->slab.used;
    push_ref_t ref;

    push_epoch_enter(&g.store.epoch, seat);
    ref = retired_object();
    churn();
    ck_assert(untouched(ref));
    push_epoch_leave(seat);
    push_epoch_advance(&g.store.epoch);
    ck_assert_uint_eq(g.store.segment->slab.used, used);
}
END_TEST

START_TEST(a_reader_that_moves_on_lets_memory_be_reused)
{
    push_seat_t *seat = &g.store.seats.seats[0];
    uint64_t used = g.store.segment->slab.used;

    for (int i = 0; i < 100; i++) {
        push_epoch_enter(&g.store.epoch, seat);
        churn();
        push_epoch_leave(seat);
    }
    push_epoch_advance(&g.store.epoch);
    ck_assert_uint_eq(g.store.segment->slab.used, used);
}
END_TEST

/* ---- a reader in another process ---- */

#define WRITTEN 150000u
#define KEPT    40u

typedef struct {
    _Atomic uint32_t done;
    _Atomic uint64_t seen;
} progress_t;

static progress_t *progress;

/* The payload of message n: a digit, as often as fits. */
static uint32_t payload(char *text, uint32_t n)
{
    uint32_t len = 20 + n % 300;

    memset(text, (int)('0' + n % 10), len);
    return len;
}

static bool whole(const push_message_t *message)
{
    push_text_t data = world_payload(message);

    for (uint32_t i = 1; i < data.len; i++) {
        if (data.at[i] != data.at[0]) {
            return false;
        }
    }
    return data.len >= 20 && data.len % 10 == (uint32_t)(data.at[0] - '0');
}

/* Reads on, sixteen messages at a time. */
static int read_on(void *data)
{
    push_seat_t *seat = &g.store.seats.seats[1];
    const push_heap_t *heap = &g.store.heaps[0];
    const push_log_t *log = &push_store_broadcast(&g.store)->log;
    uint64_t last = 0;
    uint32_t at = 0;

    (void)data;
    for (uint32_t over = 0; !over;) {
        over = atomic_load(&progress->done);
        push_epoch_enter(&g.store.epoch, seat);
        for (int i = 0; i < 16; i++) {
            push_ref_t ref = PUSH_NONE;
            push_slot_t slot = push_log_read(heap, log, PUSH_NORMAL, at, &ref);

            if (slot == PUSH_SLOT_PASSED) {
                at = push_lane_tail(&log->lanes[PUSH_NORMAL]);
            }
            else if (slot == PUSH_SLOT_MESSAGE) {
                const push_message_t *message = push_at(heap, ref);

                CHILD_NEEDS(message->mid > last);
                CHILD_NEEDS(whole(message));
                last = message->mid;
                atomic_fetch_add(&progress->seen, 1);
                at++;
            }
            else if (slot != PUSH_SLOT_END) {
                at++;
            }
        }
        push_epoch_leave(seat);
    }
    return 0;
}

START_TEST(a_reader_in_another_process_never_sees_reused_bytes)
{
    push_audience_t all = {.kind = PUSH_LOG_BROADCAST};
    char text[512] = "";
    int64_t limit = g.now.mono + 60000;
    pid_t pid;

    progress = shared_memory(sizeof(*progress));
    g.store.limits.history = KEPT;
    ck_assert_int_eq(push_seat_claim(&g.store.seats, (uint32_t)getpid()), 1);
    pid = child_start(read_on, NULL);
    /* More, if the reader did not get to run until then. */
    for (uint32_t i = 0; i < WRITTEN || progress->seen <= KEPT; i++) {
        push_message_spec_t d = spec("");

        d.content.data = (push_text_t){text, payload(text, i)};
        /* A reader that sleeps in its epoch may hold all memory back. */
        while (store_publish(&g.store, &all, &d, &g.now, &g.receipt)
               != PUSH_OK) {
            g.now = push_clock_now();
            NEEDS(g.now.mono < limit, "refused for ever at %u", i);
            sched_yield();
        }
    }
    atomic_store(&progress->done, 1);
    child_expect(pid);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("epoch");
    TCase *tc = unit_case(suite, "epoch", 120);

    tcase_add_checked_fixture(tc, store_begin, store_end);
    tcase_add_test(
        tc,
        what_is_retired_while_somebody_reads_stays_until_the_reader_leaves);
    tcase_add_test(tc, a_reader_that_moves_on_lets_memory_be_reused);
    tcase_add_test(tc, a_reader_in_another_process_never_sees_reused_bytes);
    return unit_run(suite);
}
