#include "store/shm/table.h"
#include "core_heap.h"
#include "core_suite.h"

#include <stdlib.h>
#include <string.h>

#define KEYS 5000u

typedef struct {
    push_node_t node;
    uint32_t key;
} entry_t;

static watched_heap_t memory;
static push_heap_t *heap;
static push_table_t table;

static void begin(void)
{
    watched_heap_init(&memory);
    heap = &memory.heap;
    ck_assert(push_table_create(heap, &table));
}

static void end(void)
{
    watched_heap_destroy(&memory);
}

static bool same(const push_heap_t *h, const void *object, const void *key)
{
    (void)h;
    return ((const entry_t *)object)->key == *(const uint32_t *)key;
}

/* Every hash is shared by three keys. */
static push_ref_t find(uint32_t key)
{
    return push_table_find(heap, &table, key / 3 * 2654435761u, same, &key);
}

static push_ref_t add(uint32_t key)
{
    push_ref_t ref = heap->alloc(heap, sizeof(entry_t), PUSH_NODE);
    entry_t *entry = push_at(heap, ref);

    entry->node.hash = key / 3 * 2654435761u;
    entry->key = key;
    push_table_add(heap, &table, ref);
    return ref;
}

START_TEST(a_table_finds_what_was_added_and_not_removed)
{
    static push_ref_t refs[KEYS];
    dice_t d = dice(9);

    memset(refs, 0, sizeof(refs));
    for (int step = 0; step < 30000; step++) {
        uint32_t key = dice_below(&d, KEYS);

        if (!refs[key]) {
            refs[key] = add(key);
        }
        else if (dice_one_in(&d, 2)) {
            push_table_remove(heap, &table, refs[key]);
            heap->release(heap, refs[key]);
            refs[key] = PUSH_NONE;
        }
        key = dice_below(&d, KEYS);
        NEEDS(find(key) == refs[key], "key %u at step %d", key, step);
    }
}
END_TEST

START_TEST(a_walk_sees_each_object_once_also_when_it_removes_on_the_way)
{
    static unsigned seen[KEYS];
    push_ref_t ref;

    memset(seen, 0, sizeof(seen));
    for (uint32_t key = 0; key < KEYS; key++) {
        add(key);
    }
    ref = push_table_next(heap, &table, PUSH_NONE);
    while (ref) {
        push_ref_t next = push_table_next(heap, &table, ref);
        uint32_t key = ((entry_t *)push_at(heap, ref))->key;

        seen[key]++;
        if (key % 2) {
            push_table_remove(heap, &table, ref);
            heap->release(heap, ref);
        }
        ref = next;
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        NEEDS(seen[key] == 1, "key %u was seen %u times", key, seen[key]);
        NEEDS((find(key) == PUSH_NONE) == (key % 2), "key %u", key);
    }
    ck_assert_uint_eq(table.count, KEYS / 2);
}
END_TEST

START_TEST(a_table_that_cannot_grow_goes_on_with_longer_chains)
{
    for (uint32_t key = 0; key < 200; key++) {
        push_ref_t ref;

        watched_heap_fail_at(&memory, 2);
        ref = add(key);
        watched_heap_fail_at(&memory, 0);
        ck_assert_uint_eq(find(key), ref);
    }
    ck_assert_uint_eq(table.mask, 31);
    add(200);
    ck_assert_uint_eq(table.mask, 63);
    for (uint32_t key = 0; key <= 200; key++) {
        ck_assert_uint_ne(find(key), PUSH_NONE);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("table");
    TCase *tc = unit_case(suite, "table", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_table_finds_what_was_added_and_not_removed);
    tcase_add_test(
        tc, a_walk_sees_each_object_once_also_when_it_removes_on_the_way);
    tcase_add_test(tc, a_table_that_cannot_grow_goes_on_with_longer_chains);
    return unit_run(suite);
}
