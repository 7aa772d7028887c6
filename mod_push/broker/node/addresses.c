#include "broker/node/addresses.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/limits/guard.h"
#include "store/shm/clock.h"

/* Two leases, the other's and ours, and what they take: whoever was not heard
 * of since is dead, and its clients come here. */
#define ALIVE_MS (2 * PUSH_LEASE_EVERY_MS + 1000)

static const char word[] = " addresses=";

/* ---- what is told here ---- */

static uint32_t address_of(uint64_t entry)
{
    return (uint32_t)(entry >> 32);
}

static bool is_many(uint32_t count, uint32_t nodes, uint32_t limit)
{
    return (uint64_t)count * 2 * nodes > limit;
}

/* The entry of the address, or the one with fewest streams if those are fewer
 * than count; else NULL. */
static _Atomic uint64_t *place_for(push_cluster_t *cluster, uint32_t address,
                                   uint32_t count)
{
    _Atomic uint64_t *ways =
        cluster->words->addresses.many[address % PUSH_ADDRESSES_SETS];
    _Atomic uint64_t *found = NULL;

    for (unsigned i = 0; i < PUSH_ADDRESSES_WAYS; i++) {
        uint64_t entry = atomic_load(&ways[i]);
        uint32_t has = entry ? push_guard_streams(cluster->store->guard,
                                                  address_of(entry))
                             : 0;

        if (entry && address_of(entry) == address) {
            return &ways[i];
        }
        if (has < count) {
            found = &ways[i];
            count = has;
        }
    }
    return found;
}

/* What is many where there are as many nodes as may be: others may come. */
void push_addresses_note(push_cluster_t *cluster, uint32_t address,
                         uint32_t limit)
{
    uint32_t count = limit ? push_guard_streams(cluster->store->guard, address)
                           : 0;
    _Atomic uint64_t *place = NULL;

    if (count && is_many(count, PUSH_NODES_MAX, limit)) {
        place = place_for(cluster, address, count);
    }
    if (place) {
        atomic_store(place, (uint64_t)address << 32 | limit);
    }
}

static int by_count(const void *a, const void *b)
{
    const push_address_count_t *x = a, *y = b;

    return x->count > y->count ? -1 : x->count < y->count;
}

static unsigned collect(push_cluster_t *cluster, push_address_count_t *found)
{
    uint32_t nodes = atomic_load(&cluster->words->addresses.nodes);
    unsigned count = 0;

    for (unsigned i = 0; i < PUSH_ADDRESSES_SETS * PUSH_ADDRESSES_WAYS; i++) {
        _Atomic uint64_t *at =
            &cluster->words->addresses
                 .many[i / PUSH_ADDRESSES_WAYS][i % PUSH_ADDRESSES_WAYS];
        uint64_t entry = atomic_load(at);
        uint32_t streams = push_guard_streams(cluster->store->guard,
                                              address_of(entry));

        if (entry && nodes > 1 && is_many(streams, nodes, (uint32_t)entry)) {
            found[count++] = (push_address_count_t){address_of(entry),
                                                    streams};
        }
        else if (entry && !streams) {
            atomic_compare_exchange_strong(at, &entry, 0);
        }
    }
    qsort(found, count, sizeof(*found), by_count);
    return count < PUSH_ADDRESSES_TOLD ? count : PUSH_ADDRESSES_TOLD;
}

push_text_t push_addresses_tell(push_cluster_t *cluster,
                                char room[PUSH_ADDRESSES_TEXT])
{
    push_address_count_t found[PUSH_ADDRESSES_SETS * PUSH_ADDRESSES_WAYS];
    unsigned count = collect(cluster, found);
    int len = 0;

    for (unsigned i = 0; i < count; i++) {
        len += snprintf(room + len, PUSH_ADDRESSES_TEXT - (size_t)len,
                        "%s%" PRIx32 ":%" PRIx32, i ? "," : "",
                        found[i].address, found[i].count);
    }
    return (push_text_t){room, (uint32_t)len};
}

/* ---- what others tell ---- */

/* Hexadecimal digits up to a character; false: there are none. */
static bool read_number(const char **at, const char *end, uint32_t *number)
{
    const char *from = *at;
    uint64_t value = 0;

    for (; *at < end && *at - from < 8; (*at)++) {
        const char *digit = strchr("0123456789abcdef", **at);

        if (!digit || !**at) {
            break;
        }
        value = value * 16
                + (uint64_t)(*digit <= '9' ? *digit - '0' : *digit - 'a' + 10);
    }
    *number = (uint32_t)value;
    return *at > from;
}

static void read_told(push_text_t info, push_addresses_told_t *told,
                      uint32_t *count)
{
    const char *end = info.at + info.len;
    const char *at = memmem(info.at, info.len, word, sizeof(word) - 1);

    for (at = at ? at + sizeof(word) - 1 : end; at < end; at++) {
        push_address_count_t one;

        if (!read_number(&at, end, &one.address) || at == end || *at++ != ':'
            || !read_number(&at, end, &one.count)
            || *count == PUSH_ADDRESSES_MAX) {
            return;
        }
        told->of[(*count)++] = one;
        if (at == end || *at != ',') {
            return;
        }
    }
}

static int by_address(const void *a, const void *b)
{
    const push_address_count_t *x = a, *y = b;

    return x->address < y->address ? -1 : x->address > y->address;
}

/* Sorted, with one entry an address. */
static uint32_t add_up(push_address_count_t *of, uint32_t count)
{
    uint32_t last = 0;

    qsort(of, count, sizeof(*of), by_address);
    for (uint32_t i = 1; i < count; i++) {
        if (of[i].address == of[last].address) {
            of[last].count += of[i].count;
        }
        else {
            of[++last] = of[i];
        }
    }
    return count ? last + 1 : 0;
}

void push_addresses_keep(push_cluster_t *cluster,
                         const push_lease_reply_t *lease)
{
    push_address_words_t *words = &cluster->words->addresses;
    uint32_t next = 1 - (atomic_load(&words->current) & 1);
    push_addresses_told_t *told = &words->others[next];
    uint32_t count = 0, nodes = 1;

    for (unsigned i = 0; i < lease->count; i++) {
        const push_peer_t *peer = &lease->peers[i];

        if (peer->owner != lease->owner && peer->age < ALIVE_MS) {
            nodes++;
            read_told(peer->info, told, &count);
        }
    }
    atomic_store(&told->count, add_up(told->of, count));
    atomic_store(&words->nodes, nodes);
    atomic_store(&words->current, next);
    atomic_store(&words->until, push_clock_now().mono + ALIVE_MS);
}

uint32_t push_addresses_elsewhere(const push_cluster_t *cluster,
                                  uint32_t address)
{
    const push_address_words_t *words = &cluster->words->addresses;
    const push_addresses_told_t *told =
        &words->others[atomic_load(&words->current) & 1];
    const push_address_count_t wanted = {address, 0};
    const push_address_count_t *found;
    uint32_t count = atomic_load(&told->count);

    if (!count || atomic_load(&words->until) <= push_clock_now().mono) {
        return 0;
    }
    found = bsearch(&wanted, told->of, count, sizeof(wanted), by_address);
    return found ? found->count : 0;
}
