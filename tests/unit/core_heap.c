#define _GNU_SOURCE
#include "core_heap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core_suite.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define FORBID(at, size) __asan_poison_memory_region(at, size)
#define ALLOW(at, size)  __asan_unpoison_memory_region(at, size)
#define DEFINED(at, size)
#elif __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define FORBID(at, size)  (void)VALGRIND_MAKE_MEM_NOACCESS(at, size)
#define ALLOW(at, size)   (void)VALGRIND_MAKE_MEM_UNDEFINED(at, size)
#define DEFINED(at, size) (void)VALGRIND_MAKE_MEM_DEFINED(at, size)
#else
#define FORBID(at, size)
#define ALLOW(at, size)
#define DEFINED(at, size)
#endif

#ifdef RUNNING_ON_VALGRIND
#define ON_VALGRIND (RUNNING_ON_VALGRIND != 0)
#else
#define ON_VALGRIND false
#endif

#define ROOM          ((size_t)256 << 20)
#define MAGIC         0x51ab0b1eu
#define JUNK          0xa5
#define HEADER        sizeof(header_t)
#define FENCE         16u
#define START         16u
#define ROUNDED(size) (((size) + PUSH_REF_UNIT - 1) & ~(size_t)7)

typedef enum { LIVE = 1, RETIRED, RELEASED, RECLAIMED } state_t;

/* Stands before each object. */
typedef struct {
    uint32_t magic;
    uint32_t state;
    uint64_t size;
} header_t;

static watched_heap_t *watched_of(push_heap_t *heap)
{
    return heap->memory;
}

static header_t *header_of(const push_heap_t *heap, push_ref_t ref)
{
    header_t *header = (header_t *)push_at(heap, ref) - 1;

    ALLOW(header, HEADER);
    DEFINED(header, HEADER);
    return header;
}

static void hide_header(header_t *header)
{
    (void)header;
    FORBID(header, HEADER);
}

static uint32_t *with_room(uint32_t *list, uint32_t count, uint32_t *room)
{
    if (count == *room) {
        *room = *room ? *room * 2 : 256;
        list = realloc(list, *room * sizeof(*list));
        NEEDS(list, "no memory");
    }
    return list;
}

static push_ref_t heap_alloc(push_heap_t *heap, size_t size, push_kind_t kind)
{
    watched_heap_t *w = watched_of(heap);
    size_t room = ROUNDED(size) + FENCE;
    header_t *header = (header_t *)(void *)(w->arena + w->used);
    push_ref_t ref;

    (void)kind;
    if (w->fail_in && !--w->fail_in) {
        w->failed = true;
        return PUSH_NONE;
    }
    NEEDS(w->used + HEADER + room <= w->room, "the arena is full");
    ALLOW(header, HEADER + room);
    memset(header, JUNK, HEADER + room);
    *header = (header_t){MAGIC, LIVE, size};
    ref = push_ref_of(heap, header + 1);
    w->objects = with_room(w->objects, w->objects_count, &w->objects_room);
    w->objects[w->objects_count++] = ref;
    w->used += HEADER + room;
    w->live++;
    FORBID(header, HEADER);
    FORBID((unsigned char *)(header + 1) + size, room - size);
    ALLOW(header + 1, size);
    return ref;
}

static bool all_junk(const unsigned char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (at[i] != JUNK) {
            return false;
        }
    }
    return true;
}

/* The bytes behind the object must be as they were. */
static void check_fence(const unsigned char *object, uint64_t size)
{
    size_t fence = ROUNDED(size) + FENCE - size;

    (void)fence;
    ALLOW(object + size, fence);
    DEFINED(object + size, fence);
    NEEDS(all_junk(object + size, fence), "an object of %lu bytes was overrun",
          (unsigned long)size);
    FORBID(object + size, fence);
}

static header_t *check_live(push_heap_t *heap, push_ref_t ref,
                            const char *what)
{
    header_t *header;

    NEEDS(ref > START / PUSH_REF_UNIT
              && ref < watched_of(heap)->used / PUSH_REF_UNIT,
          "%s of %u, which is no object", what, ref);
    header = header_of(heap, ref);
    NEEDS(header->magic == MAGIC, "%s of %u, which is no object", what, ref);
    NEEDS(header->state == LIVE, "%s of %u, which is gone already", what, ref);
    check_fence(push_at(heap, ref), header->size);
    return header;
}

static void bury(push_heap_t *heap, push_ref_t ref, header_t *header,
                 state_t state)
{
    header->state = state;
    memset(push_at(heap, ref), JUNK, header->size);
    FORBID(push_at(heap, ref), header->size);
    hide_header(header);
}

static void heap_release(push_heap_t *heap, push_ref_t ref)
{
    bury(heap, ref, check_live(heap, ref, "release"), RELEASED);
    watched_of(heap)->live--;
}

static void heap_retire(push_heap_t *heap, push_ref_t ref)
{
    header_t *header = check_live(heap, ref, "retirement");
    watched_heap_t *w = watched_of(heap);

    header->state = RETIRED;
    *(uint32_t *)push_at(heap, ref) = 0xdeadbeef;
    hide_header(header);
    w->live--;
    w->retired = with_room(w->retired, w->retired_count, &w->retired_room);
    w->retired[w->retired_count++] = ref;
}

void watched_heap_init(watched_heap_t *w)
{
    memset(w, 0, sizeof(*w));
    w->room = ROOM;
    w->arena = mmap(NULL, w->room, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(w->arena, MAP_FAILED);
    w->used = START;
    w->heap = (push_heap_t){.base = w->arena,
                            .counts = &w->counts,
                            .alloc = heap_alloc,
                            .release = heap_release,
                            .retire = heap_retire,
                            .memory = w};
}

void watched_heap_fail_at(watched_heap_t *w, uint32_t n)
{
    w->fail_in = n;
    w->failed = false;
}

void watched_heap_reclaim(watched_heap_t *w)
{
    for (uint32_t i = 0; i < w->retired_count; i++) {
        push_ref_t ref = w->retired[i];
        header_t *header = header_of(&w->heap, ref);

        check_fence(push_at(&w->heap, ref), header->size);
        bury(&w->heap, ref, header, RECLAIMED);
    }
    w->retired_count = 0;
}

void watched_heap_check(watched_heap_t *w)
{
    for (uint32_t i = 0; i < w->objects_count; i++) {
        header_t *header = header_of(&w->heap, w->objects[i]);
        unsigned char *object = push_at(&w->heap, w->objects[i]);

        NEEDS(header->magic == MAGIC, "a header was overwritten");
        check_fence(object, header->size);
        if (header->state == RELEASED || header->state == RECLAIMED) {
            ALLOW(object, header->size);
            DEFINED(object, header->size);
            NEEDS(all_junk(object, header->size),
                  "an object was written to after its end");
            FORBID(object, header->size);
        }
        hide_header(header);
    }
}

void watched_heap_destroy(watched_heap_t *w)
{
    ALLOW(w->arena, w->used);
    munmap(w->arena, w->room);
    free(w->objects);
    free(w->retired);
    memset(w, 0, sizeof(*w));
}

void watched_heap_cleanup(watched_heap_t *w)
{
    uint32_t left = w->live;

    watched_heap_check(w);
    watched_heap_destroy(w);
    NEEDS(left == 0, "%u objects were left over", left);
}

bool watched_by_valgrind(void)
{
    return ON_VALGRIND;
}

uint64_t core_counted(const watched_heap_t *watched, push_total_t total)
{
    uint64_t sums[PUSH_COUNTS] = {0};

    push_counts_add(sums, &watched->counts);
    return push_total_of(sums, total);
}
