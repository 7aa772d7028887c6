#include "store/shm/slab.h"
#include "core_suite.h"
#include "store_shared.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOM  ((size_t)8 << 20)
#define LARGE 40000u /* takes three pages */

static unsigned char *base;
static push_slab_t slab;

/* The first bytes of the memory are the part of the slab that is shared. */
static void begin(void)
{
    base = shared_memory(ROOM);
    ck_assert(push_slab_create(&slab, base, (push_slab_shared_t *)base,
                               sizeof(push_slab_shared_t) + 64,
                               ROOM - sizeof(push_slab_shared_t) - 64));
}

static void end(void)
{
    munmap(base, ROOM);
}

static unsigned char *bytes(push_ref_t ref)
{
    return base + (size_t)ref * PUSH_REF_UNIT;
}

typedef struct {
    push_ref_t ref;
    uint32_t size;
    unsigned char fill;
} object_t;

static object_t make(uint32_t size, unsigned char fill)
{
    object_t o = {push_slab_alloc(&slab, size, 1), size, fill};

    if (o.ref) {
        memset(bytes(o.ref), fill, size);
    }
    return o;
}

static void check(object_t o)
{
    const unsigned char *at = bytes(o.ref);

    for (uint32_t i = 0; i < o.size; i++) {
        NEEDS(at[i] == o.fill, "an object of %u was overwritten", o.size);
    }
}

static void drop(object_t o)
{
    check(o);
    push_slab_release(&slab, o.ref);
}

/* Fills all that is left with objects of this size; returns how many. */
static uint32_t fill(uint32_t size, object_t *objects, uint32_t max)
{
    uint32_t count = 0;

    while (count < max) {
        objects[count] = make(size, (unsigned char)(count * 7 + 1));
        if (!objects[count].ref) {
            break;
        }
        count++;
    }
    return count;
}

static void drop_all(const object_t *objects, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        drop(objects[i]);
    }
}

#define MANY 600000u

static object_t *plenty(void)
{
    object_t *objects = malloc(MANY * sizeof(*objects));

    ck_assert_ptr_nonnull(objects);
    return objects;
}

START_TEST(objects_of_every_size_stand_apart_and_aligned)
{
    object_t objects[64];
    uint64_t used = 0;

    for (uint32_t from = 1; from < 40000; from = from + from / 3 + 1) {
        for (uint32_t i = 0; i < 64; i++) {
            objects[i] = make(from + i % 3, (unsigned char)(i + 1));
            if (!objects[i].ref) {
                objects[i].size = 0;
                continue;
            }
            used += push_slab_size_of(from + i % 3);
            ck_assert_uint_ge(push_slab_size_of(from + i % 3), from + i % 3);
        }
        ck_assert_uint_eq(slab.shared->used, used);
        for (uint32_t i = 0; i < 64; i++) {
            if (objects[i].size) {
                drop(objects[i]);
                used -= push_slab_size_of(objects[i].size);
            }
        }
        ck_assert_uint_eq(slab.shared->used, 0);
    }
}
END_TEST

START_TEST(memory_that_is_full_says_so_and_serves_again_after_a_release)
{
    object_t *objects = plenty();
    uint32_t count = fill(200, objects, MANY);

    ck_assert_uint_ge((uint64_t)count * 224, push_slab_size(&slab) / 100 * 95);
    ck_assert_uint_eq(push_slab_alloc(&slab, LARGE, 1), PUSH_NONE);
    drop(objects[count / 2]);
    objects[count / 2] = make(200, 77);
    ck_assert_uint_ne(objects[count / 2].ref, PUSH_NONE);
    drop_all(objects, count);
    ck_assert_uint_eq(slab.shared->used, 0);
    free(objects);
}
END_TEST

START_TEST(pages_of_one_class_serve_another_when_they_are_empty)
{
    object_t *objects = plenty();
    uint32_t small, large, again;

    small = fill(16, objects, MANY);
    drop_all(objects, small);
    large = fill(LARGE, objects, MANY);
    ck_assert_uint_ge(large, push_slab_size(&slab) / PUSH_PAGE_SIZE / 3 - 20);
    drop_all(objects, large);
    again = fill(16, objects, MANY);
    ck_assert_uint_ge(again, small - small / 50);
    drop_all(objects, again);
    free(objects);
}
END_TEST

START_TEST(runs_of_pages_find_room_again_beside_small_objects)
{
    object_t small[200];
    object_t runs[100];
    dice_t d = dice(5);
    uint32_t count = 0;

    for (uint32_t i = 0; i < 200; i++) {
        small[i] = make(100 + i, (unsigned char)(i + 1));
        ck_assert_uint_ne(small[i].ref, PUSH_NONE);
    }
    for (int round = 0; round < 2000; round++) {
        if (count < 60 && dice_below(&d, 3)) {
            runs[count] = make(9000 + dice_below(&d, 60000),
                               (unsigned char)(round % 250 + 1));
            ck_assert_uint_ne(runs[count].ref, PUSH_NONE);
            count++;
        }
        else if (count) {
            uint32_t i = dice_below(&d, count);

            drop(runs[i]);
            runs[i] = runs[--count];
        }
    }
    drop_all(runs, count);
    drop_all(small, 200);
    ck_assert_uint_eq(slab.shared->used, 0);
}
END_TEST

/* Sizes as messages and devices have them. */
static uint32_t usual_size(dice_t *d)
{
    switch (dice_below(d, 10)) {
    case 0:
        return 16;
    case 1:
        return 300 + dice_below(d, 200);
    case 2:
        return 1000 + dice_below(d, 7000);
    default:
        return 60 + dice_below(d, 200);
    }
}

START_TEST(after_long_use_most_of_the_memory_still_serves)
{
    object_t *objects = plenty();
    dice_t d = dice((uint64_t)_i);
    uint64_t asked = 0;
    uint32_t count = 0;

    for (int round = 0; round < 200000; round++) {
        object_t o;

        if (slab.shared->used < ROOM / 10 * 7 && dice_below(&d, 2)) {
            o = make(usual_size(&d), (unsigned char)(round % 250 + 1));
            NEEDS(o.ref, "no memory");
            objects[count++] = o;
            asked += o.size;
        }
        else if (count) {
            uint32_t i = dice_below(&d, count);

            drop(objects[i]);
            asked -= objects[i].size;
            objects[i] = objects[--count];
        }
    }
    for (;;) {
        object_t o = make(usual_size(&d), 9);

        if (!o.ref) {
            break;
        }
        objects[count++] = o;
        asked += o.size;
    }
    ck_assert_uint_ge(asked, push_slab_size(&slab) / 100 * 80);
    drop_all(objects, count);
    ck_assert_uint_eq(slab.shared->used, 0);
    free(objects);
}
END_TEST

/* ---- processes that die ---- */

/* Index of the class of an object. */
static unsigned class_of(push_ref_t ref)
{
    uint64_t page = ((uint64_t)ref * PUSH_REF_UNIT - slab.shared->first)
                    / PUSH_PAGE_SIZE;

    return slab.pages[page].state - 1u;
}

static int die_in_class(void *data)
{
    unsigned class = *(unsigned *)data;

    CHILD_NEEDS(push_lock_acquire(&slab.shared->classes[class].lock)
                == PUSH_LOCKED);
    for (uint32_t i = 0; i < slab.shared->pages; i++) {
        if (slab.pages[i].state == class + 1) {
            slab.pages[i].free = 3;
            slab.pages[i].used = 1;
            slab.pages[i].carved = 1;
            slab.pages[i].next = 4711;
        }
    }
    slab.shared->classes[class].partial = 815;
    raise(SIGKILL);
    return 0;
}

START_TEST(a_class_is_derived_anew_after_its_owner_died)
{
    object_t *objects = plenty();
    uint32_t count = fill(100, objects, 5000);
    unsigned class = class_of(objects[0].ref);
    uint32_t more;

    for (uint32_t i = 0; i < count; i += 3) {
        drop(objects[i]);
        objects[i].ref = PUSH_NONE;
    }
    waitpid(child_start(die_in_class, &class), NULL, 0);
    more = count;
    for (uint32_t i = 0; i < count; i += 3) {
        objects[more] = make(100, (unsigned char)(i % 250 + 1));
        ck_assert_uint_ne(objects[more++].ref, PUSH_NONE);
    }
    ck_assert_uint_eq(slab.shared->repairs, 1);
    for (uint32_t i = 0; i < more; i++) {
        if (objects[i].ref) {
            drop(objects[i]);
        }
    }
    ck_assert_uint_eq(slab.shared->used, 0);
    free(objects);
}
END_TEST

static int die_in_pages(void *data)
{
    (void)data;
    CHILD_NEEDS(push_lock_acquire(&slab.shared->pages_lock) == PUSH_LOCKED);
    slab.shared->low = slab.shared->pages - 1;
    raise(SIGKILL);
    return 0;
}

START_TEST(the_page_table_serves_after_its_owner_died)
{
    object_t *objects = plenty();
    uint32_t count;

    waitpid(child_start(die_in_pages, NULL), NULL, 0);
    count = fill(200, objects, MANY);
    ck_assert_uint_ge((uint64_t)count * 224, push_slab_size(&slab) / 100 * 95);
    ck_assert_uint_eq(slab.shared->repairs, 1);
    drop_all(objects, count);
    free(objects);
}
END_TEST

#define HELD 6u

/* Takes and gives back for ever, never more than a few at once. */
_Noreturn static int churn(void *data)
{
    dice_t d = dice(*(uint64_t *)data);
    object_t held[HELD];
    uint32_t count = 0;

    for (;;) {
        if (count < HELD && dice_below(&d, 2)) {
            uint32_t size = dice_one_in(&d, 20) ? LARGE : usual_size(&d);

            held[count] = make(size, (unsigned char)(count + 1));
            count += held[count].ref != PUSH_NONE;
        }
        else if (count) {
            push_slab_release(&slab, held[--count].ref);
        }
    }
}

/* What dies with the child is what it held, and a page half taken. */
START_TEST(processes_killed_anywhere_harm_no_object_and_lose_little)
{
    object_t *objects = plenty();
    uint32_t count = fill(100, objects, 3000);
    uint32_t before = count;
    struct timespec brief = {0, 0};
    dice_t d = dice((uint64_t)_i);

    for (uint64_t round = 0; round < 40; round++) {
        pid_t pids[2];
        uint64_t seeds[2] = {round * 2, round * 2 + 1};

        pids[0] = child_start(churn, &seeds[0]);
        pids[1] = child_start(churn, &seeds[1]);
        brief.tv_nsec = 500000 + dice_below(&d, 2000000);
        nanosleep(&brief, NULL);
        child_kill(pids[0]);
        child_kill(pids[1]);
        drop(objects[round]);
        objects[round] = make(100, (unsigned char)(round + 1));
        ck_assert_uint_ne(objects[round].ref, PUSH_NONE);
    }
    count += fill(100, objects + count, MANY - count);
    ck_assert_uint_ge((uint64_t)(count - before) * 112,
                      push_slab_size(&slab) / 100 * 50);
    drop_all(objects, count);
    free(objects);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slab");
    TCase *tc = unit_case(suite, "objects", 120);
    TCase *deaths = unit_case(suite, "deaths", 120);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_checked_fixture(deaths, begin, end);
    tcase_add_test(tc, objects_of_every_size_stand_apart_and_aligned);
    tcase_add_test(
        tc, memory_that_is_full_says_so_and_serves_again_after_a_release);
    tcase_add_test(tc, pages_of_one_class_serve_another_when_they_are_empty);
    tcase_add_test(tc, runs_of_pages_find_room_again_beside_small_objects);
    tcase_add_loop_test(tc, after_long_use_most_of_the_memory_still_serves, 0,
                        3);
    tcase_add_test(deaths, a_class_is_derived_anew_after_its_owner_died);
    tcase_add_test(deaths, the_page_table_serves_after_its_owner_died);
    tcase_add_test(deaths,
                   processes_killed_anywhere_harm_no_object_and_lose_little);
    return unit_run(suite);
}
