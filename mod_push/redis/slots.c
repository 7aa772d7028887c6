#include "redis/slots.h"

#include <string.h>

#define PER_PARTITION (PUSH_REDIS_SLOTS / PUSH_PARTITIONS)

void push_slots_init(push_slots_t *slots)
{
    *slots = (push_slots_t){0};
    memset(slots->master_of, PUSH_NO_MASTER, sizeof(slots->master_of));
}

static unsigned find_master(const push_slots_t *slots,
                            const push_address_t *address)
{
    for (unsigned i = 0; i < slots->end; i++) {
        if (push_address_same(&slots->masters[i].address, address)) {
            return i;
        }
    }
    return PUSH_NO_MASTER;
}

/* An index that nobody has, or whose master has no partition. */
static unsigned free_index(const push_slots_t *slots)
{
    if (slots->end < PUSH_MASTERS) {
        return slots->end;
    }
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        if (!slots->masters[i].partitions) {
            return i;
        }
    }
    return PUSH_NO_MASTER;
}

unsigned push_slots_master(push_slots_t *slots, const push_address_t *address)
{
    unsigned index = find_master(slots, address);

    if (index == PUSH_NO_MASTER) {
        index = free_index(slots);
        if (index != PUSH_NO_MASTER) {
            slots->masters[index] = (push_master_t){.address = *address};
            slots->end += index == slots->end;
            slots->version++;
        }
    }
    return index;
}

static void give(push_slots_t *slots, unsigned partition, unsigned master)
{
    unsigned before = slots->master_of[partition];

    if (before == master) {
        return;
    }
    if (before != PUSH_NO_MASTER) {
        slots->masters[before].partitions--;
    }
    if (master != PUSH_NO_MASTER) {
        slots->masters[master].partitions++;
    }
    slots->master_of[partition] = (uint8_t)master;
    slots->version++;
}

static void set_known(push_slots_t *slots, bool cluster)
{
    slots->version += !slots->known || slots->cluster != cluster;
    slots->known = true;
    slots->cluster = cluster;
}

void push_slots_single(push_slots_t *slots, const push_address_t *address)
{
    unsigned master = push_slots_master(slots, address);

    if (master == PUSH_NO_MASTER) {
        push_slots_init(slots);
        master = push_slots_master(slots, address);
    }
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        give(slots, i, master);
    }
    set_known(slots, false);
}

bool push_slots_node(const push_reply_t *node, const push_address_t *asked,
                     push_address_t *address)
{
    push_text_t host = push_reply_text(push_reply_at(node, 0));
    int64_t port = push_reply_integer(push_reply_at(node, 1));

    if (push_reply_count(node) < 2 || port <= 0 || port > UINT16_MAX) {
        return false;
    }
    if (!host.len || (host.len == 1 && host.at[0] == '?')) {
        *address = *asked;
        address->port = (uint16_t)port;
        return true;
    }
    return push_address_set(address, host.at, host.len, (unsigned)port);
}

/* Notes the partitions of one range as the master's. */
static bool take_range(push_slots_t *slots, const push_reply_t *range,
                       const push_address_t *asked, uint8_t *owners)
{
    int64_t first = push_reply_integer(push_reply_at(range, 0));
    int64_t last = push_reply_integer(push_reply_at(range, 1));
    push_address_t address;
    unsigned master;

    if (push_reply_count(range) < 3 || first < 0 || last < first
        || last >= PUSH_REDIS_SLOTS
        || !push_slots_node(push_reply_at(range, 2), asked, &address)) {
        return false;
    }
    master = push_slots_master(slots, &address);
    if (master == PUSH_NO_MASTER) {
        return false;
    }
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        if (push_partition_slot(i) >= first
            && push_partition_slot(i) <= last) {
            owners[i] = (uint8_t)master;
            /* Now, as the next one may be given an index without any. */
            give(slots, i, master);
        }
    }
    return true;
}

bool push_slots_take(push_slots_t *slots, const push_reply_t *reply,
                     const push_address_t *asked)
{
    push_slots_t taken = *slots;
    uint8_t owners[PUSH_PARTITIONS];
    bool any = false;

    memset(owners, PUSH_NO_MASTER, sizeof(owners));
    for (unsigned i = 0; i < push_reply_count(reply); i++) {
        if (!take_range(&taken, push_reply_at(reply, i), asked, owners)) {
            return false;
        }
    }
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        any |= owners[i] != PUSH_NO_MASTER;
    }
    if (!any) {
        return false;
    }
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        give(&taken, i, owners[i]);
    }
    set_known(&taken, true);
    *slots = taken;
    return true;
}

void push_slots_move(push_slots_t *slots, unsigned slot, unsigned master)
{
    unsigned partition = slot / PER_PARTITION;

    if (slot < PUSH_REDIS_SLOTS && push_partition_slot(partition) == slot) {
        give(slots, partition, master);
    }
}
