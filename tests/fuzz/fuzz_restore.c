/*
 * Whatever records a state on disk holds, a start makes a segment of them in
 * which everything can be walked, and nothing of anybody's that says
 * otherwise.
 *
 * The input: records, each as length of its key (1 byte) and of its value (2,
 * little-endian), seconds until it expires (1), key, value.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "store/recovery/restore.h"
#include "store/ops/channels.h"
#include "store/ops/view.h"

#include "fuzz.h"
#include "store/ops/life.h"
#include "store/shm/clock.h"

#define ROOM ((size_t)2 << 20)

static const push_limits_t limits = {.max_pending = 1000,
                                     .history = 1000,
                                     .retention = 1800000,
                                     .idempotency = 300000};

static size_t add_record(push_restore_t *restore, const uint8_t *at,
                         size_t left, int64_t now)
{
    size_t key_len = at[0], value_len = (size_t)(at[1] | at[2] << 8);
    char *key, *value;

    if (left < 4 + key_len + value_len) {
        return left;
    }
    key = fuzz_copy(at + 4, key_len);
    value = fuzz_copy(at + 4 + key_len, value_len);
    REQUIRE(push_restore_add(restore, (push_text_t){key, (uint32_t)key_len},
                             (push_text_t){value, (uint32_t)value_len},
                             at[3] ? now + at[3] * 1000 : 0));
    free(key);
    free(value);
    return 4 + key_len + value_len;
}

static void see_message(void *data, const push_message_view_t *view)
{
    REQUIRE(view->name.len || view->kind == PUSH_LOG_BROADCAST);
    *(uint64_t *)data += 1;
}

static void see_life(void *data, const push_life_view_t *view)
{
    (void)data;
    REQUIRE(view->fate < PUSH_FATES);
}

static void see_channel(void *data, const push_channel_view_t *view)
{
    (void)data;
    REQUIRE(view->name.len);
}

static void look_around(push_store_t *store, const push_restored_t *restored)
{
    push_time_t now = push_clock_now();
    push_stats_view_t stats;
    uint64_t seen = 0;
    const push_visitor_t visitor = {.message = see_message,
                                    .life = see_life,
                                    .channel = see_channel,
                                    .data = &seen};
    bool more;
    push_view_t list = {.list = {.limit = 1000, .more = &more}};

    push_view_stats(store, &stats);
    REQUIRE(stats.messages <= restored->messages);
    REQUIRE(stats.devices == restored->devices);
    list.now = now;
    REQUIRE(push_channels_list(store, &list, &visitor) == PUSH_OK);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_view_message(store, &(push_sought_t){.mid = (uint64_t)i << 6},
                          &now, &visitor);
    }
}

/* One for all inputs: a mark that is there already is united with. */
static push_guard_t *guard(void)
{
    static push_guard_t shared;
    static bool made;

    made = made || push_guard_create(&shared);
    REQUIRE(made);
    return &shared;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    push_time_t now = push_clock_now();
    push_restore_t *restore = push_restore_create(&now);
    static const int none[4];
    push_mapping_t mapping = {.base = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                              .size = ROOM,
                              .seats = 4,
                              .events = none,
                              .guard = guard()};
    push_restored_t restored;
    static push_store_t store;

    REQUIRE(restore && mapping.base != MAP_FAILED);
    memset(&store, 0, sizeof(store));
    REQUIRE(push_store_create(&store, &mapping, &limits));
    while (size >= 4) {
        size_t used = add_record(restore, data, size, now.wall);

        data += used;
        size -= used;
    }
    push_restore_apply(restore, &store, &restored);
    look_around(&store, &restored);
    REQUIRE(!restored.revocations || store.guard->revocations);
    push_restore_destroy(restore);
    munmap(mapping.base, ROOM);
    return 0;
}
