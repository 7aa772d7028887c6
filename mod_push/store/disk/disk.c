#include "store/disk/disk.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static push_disk_t *disk_of(const push_store_t *store)
{
    return &store->segment->disk;
}

void push_disk_lower(_Atomic uint64_t *mid, uint64_t to)
{
    uint64_t at = atomic_load(mid);

    while ((!at || to < at) && !atomic_compare_exchange_weak(mid, &at, to)) {
    }
}

void push_disk_missing(push_store_t *store, uint64_t mid)
{
    push_disk_lower(&disk_of(store)->missing,
                    mid ? mid : push_mid_now(&store->segment->clock));
}

static push_journal_entry_t *entries_of(const push_store_t *store)
{
    return (push_journal_entry_t *)(void *)(store->slab.base
                                            + store->segment->journals_at);
}

push_journal_entry_t *push_disk_claim(const push_store_t *store)
{
    push_journal_entry_t *entries = entries_of(store);

    for (uint32_t i = 0; i < store->segment->seats; i++) {
        uint32_t nobody = 0;

        if (atomic_compare_exchange_strong(&entries[i].pid, &nobody,
                                           (uint32_t)getpid())) {
            return &entries[i];
        }
    }
    return NULL;
}

static bool process_gone(uint32_t pid)
{
    return kill((pid_t)pid, 0) && errno == ESRCH;
}

bool push_disk_forgotten(const push_store_t *store, uint32_t pid)
{
    const push_journal_entry_t *entries = entries_of(store);

    for (uint32_t i = 0; i < store->segment->seats; i++) {
        if (entries[i].pid == pid) {
            return false;
        }
    }
    return process_gone(pid);
}

uint64_t push_disk_waiting(const push_store_t *store)
{
    const push_journal_entry_t *entries = entries_of(store);
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < store->segment->seats; i++) {
        bytes += atomic_load(&entries[i].waiting);
    }
    return bytes;
}

void push_disk_reap(push_store_t *store)
{
    push_journal_entry_t *entries = entries_of(store);

    for (uint32_t i = 0; i < store->segment->seats; i++) {
        uint32_t holder = atomic_load(&entries[i].pid);
        uint64_t unsaved;

        if (!holder || !process_gone(holder)) {
            continue;
        }
        unsaved = atomic_load(&entries[i].unsaved);
        push_disk_missing(store, unsaved);
        atomic_store(&entries[i].unsaved, 0);
        atomic_store(&entries[i].waiting, 0);
        atomic_compare_exchange_strong(&entries[i].pid, &holder, 0);
    }
}
