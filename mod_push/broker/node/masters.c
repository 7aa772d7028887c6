#include "broker/node/masters.h"

#include <string.h>

#include "core/failpoint.h"
#include "core/hash.h"

uint64_t push_masters_hash(push_text_t text)
{
    static const uint64_t no_key[2];
    uint64_t hash = push_hash(no_key, text.at, text.len);

    return hash ? hash : 1;
}

uint64_t push_masters_epoch(const unsigned char *epoch)
{
    uint64_t number;

    memcpy(&number, epoch, sizeof(number));
    return number;
}

static uint64_t name_of(const push_address_t *address)
{
    char room[PUSH_REDIS_ADDRESS_TEXT];
    const char *text = push_address_format(address, room);

    return push_masters_hash((push_text_t){text, (uint32_t)strlen(text)});
}

/* ---- suspicion ---- */

/* The state counts suspicions, above the bit; so none has the number of one
 * that was before it. */
unsigned push_partition_suspicion(const push_cluster_words_t *words,
                                  unsigned partition)
{
    uint32_t state = atomic_load(&words->states[partition]);

    return state & PUSH_PARTITION_SUSPECT ? state : 0;
}

bool push_partition_mended(push_cluster_words_t *words, unsigned partition,
                           unsigned suspicion)
{
    uint32_t expected = suspicion;

    return suspicion & PUSH_PARTITION_SUSPECT
           && atomic_compare_exchange_strong(
               &words->states[partition], &expected,
               suspicion & ~PUSH_PARTITION_SUSPECT);
}

void push_partition_suspected(push_cluster_words_t *words, unsigned partition)
{
    uint32_t state = atomic_load(&words->states[partition]);

    while (
        !atomic_compare_exchange_weak(&words->states[partition], &state,
                                      (state + 2) | PUSH_PARTITION_SUSPECT)) {
    }
}

void push_partition_answered(push_cluster_words_t *words, unsigned partition,
                             const unsigned char *epoch)
{
    uint64_t known = 0, given = push_masters_epoch(epoch);

    if (given
        && !atomic_compare_exchange_strong(&words->epochs[partition], &known,
                                           given)
        && known != given) {
        push_partition_suspected(words, partition);
    }
}

void push_partition_counted(push_cluster_words_t *words, unsigned partition,
                            const push_followed_t *followed)
{
    if (followed->more) {
        push_partition_suspected(words, partition);
    }
}

void push_masters_suspect(push_cluster_words_t *words, unsigned master)
{
    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        if (words->home[i] == master + 1) {
            push_partition_suspected(words, i);
        }
    }
}

void push_masters_suspect_all(push_cluster_words_t *words)
{
    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        push_partition_suspected(words, i);
    }
}

/* ---- masters ---- */

void push_masters_other_inboxes(push_cluster_words_t *words)
{
    for (unsigned i = 0; i < PUSH_MASTERS_MAX; i++) {
        atomic_store(&words->masters[i].have, 0);
    }
}

static bool is_in_map(const push_slots_t *slots, uint64_t name)
{
    for (unsigned i = 0; i < slots->end; i++) {
        if (slots->masters[i].address.host[0]
            && name_of(&slots->masters[i].address) == name) {
            return true;
        }
    }
    return false;
}

static unsigned find(const push_cluster_words_t *words, uint64_t name)
{
    unsigned i = 0;

    while (i < PUSH_MASTERS_MAX && words->masters[i].name != name) {
        i++;
    }
    return i;
}

/* There are as many as the map may have, so one of them is not in it. */
static unsigned find_free(const push_cluster_words_t *words,
                          const push_slots_t *slots)
{
    unsigned i = find(words, 0);

    if (i < PUSH_MASTERS_MAX) {
        return i;
    }
    i = 0;
    while (i < PUSH_MASTERS_MAX - 1
           && is_in_map(slots, words->masters[i].name)) {
        i++;
    }
    return i;
}

/* What was at the master before is nowhere, until the map says where. */
static void begin_anew(push_cluster_words_t *words, unsigned master)
{
    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        if (words->home[i] == master + 1) {
            words->home[i] = 0;
        }
    }
    PUSH_FAILPOINT("master-left");
    words->masters[master] = (push_master_words_t){0};
}

unsigned push_masters_index(push_cluster_words_t *words,
                            const push_slots_t *slots,
                            const push_address_t *address)
{
    char room[PUSH_REDIS_ADDRESS_TEXT];
    uint64_t name = name_of(address);
    unsigned i = find(words, name);

    if (i == PUSH_MASTERS_MAX) {
        i = find_free(words, slots);
        begin_anew(words, i);
        PUSH_FAILPOINT("master");
        words->masters[i].name = name;
        push_roster_name(&words->roster, i,
                         push_address_format(address, room));
    }
    return i;
}

bool push_masters_follow(push_cluster_words_t *words,
                         const push_slots_t *slots)
{
    uint8_t index[PUSH_MASTERS] = {0};
    bool moved = false;

    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        unsigned master = slots->master_of[i];

        if (master == PUSH_NO_MASTER) {
            continue;
        }
        if (!index[master]) {
            index[master] = (uint8_t)(1
                                      + push_masters_index(
                                          words, slots,
                                          &slots->masters[master].address));
        }
        if (words->home[i] != index[master]) {
            push_partition_suspected(words, i);
            words->home[i] = index[master];
            moved = true;
        }
    }
    return moved;
}
