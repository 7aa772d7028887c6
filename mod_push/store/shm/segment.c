#include "store/shm/segment.h"

#include <stdatomic.h>
#include <sys/random.h>

#include "store/shm/clock.h"
#include "store/shm/reports.h"

#define LINE 64u

static uint64_t align_line(uint64_t offset)
{
    return (offset + LINE - 1) / LINE * LINE;
}

static void *at_offset(void *base, uint64_t offset)
{
    return (unsigned char *)base + offset;
}

static bool create_shards(push_shard_t *shards)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        if (push_lock_init(&shards[i].lock)) {
            return false;
        }
    }
    return true;
}

bool push_segment_create(void *base, uint64_t size, uint32_t seats,
                         uint64_t layout)
{
    push_segment_t *segment = base;
    push_slab_t slab;
    uint64_t at = align_line(sizeof(*segment));

    segment->prefix.layout = layout;
    segment->prefix.size = size;
    segment->created = push_clock_now().wall;
    segment->seats = seats;
    segment->seats_at = at;
    at = align_line(at + (uint64_t)seats * sizeof(push_seat_t));
    segment->shards_at = at;
    at = align_line(at + PUSH_SHARDS * sizeof(push_shard_t));
    segment->counts_at = at;
    at = align_line(at + PUSH_SHARDS * sizeof(push_shard_counts_t));
    segment->journals_at = at;
    at = align_line(at + (uint64_t)seats * sizeof(push_journal_entry_t));
    segment->gone_at = at;
    at = align_line(at + PUSH_SHARDS * sizeof(push_gone_ring_t));
    segment->reports_at = at;
    at = align_line(at + push_reports_size(size));
    if (at >= size
        || getrandom(segment->hash_key, sizeof(segment->hash_key), 0)
               != sizeof(segment->hash_key)
        || getrandom(segment->session_key, sizeof(segment->session_key), 0)
               != sizeof(segment->session_key)) {
        return false;
    }
    segment->node = (uint32_t)(segment->hash_key[0] % 64);
    if (push_lock_init(&segment->retired.lock)
        || push_lock_init(&segment->sweep_lock)
        || push_lock_init(&segment->relief)
        || push_reports_create(at_offset(base, segment->reports_at), size)
        || !create_shards(at_offset(base, segment->shards_at))
        || !push_slab_create(&slab, base, &segment->slab, at, size - at)) {
        return false;
    }
    segment->prefix.magic = PUSH_SEGMENT_MAGIC;
    return true;
}

static bool holds_seat(const push_segment_t *segment, uint32_t pid)
{
    const char *base = (const char *)segment + segment->seats_at;
    const push_seat_t *seats = (const push_seat_t *)(const void *)base;

    for (uint32_t i = 0; i < segment->seats; i++) {
        if (atomic_load(&seats[i].pid) == pid) {
            return true;
        }
    }
    return false;
}

void push_segment_child_ended(push_segment_t *segment, uint32_t pid,
                              int64_t now)
{
    if (holds_seat(segment, pid)) {
        push_deaths_note(&segment->deaths, now);
    }
}
