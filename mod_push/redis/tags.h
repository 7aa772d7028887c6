#ifndef PUSH_REDIS_TAGS_H
#define PUSH_REDIS_TAGS_H

#include "redis/command.h"

/*
 * The hash tag of each partition: the shortest of [0-9a-z]{1,4}, and the first
 * of these in the order of the alphabet, whose slot is 16 × partition + 8.  A
 * key PREFIX{tag}… thereby lives where the partition does.
 */

#define PUSH_REDIS_SLOTS    16384u
#define PUSH_PARTITION_SLOT 8u /* the slot of partition 0 */

/* Terminated; lives as long as the process. */
const char *push_partition_tag(unsigned partition);

static inline unsigned push_partition_slot(unsigned partition)
{
    return partition * (PUSH_REDIS_SLOTS / PUSH_PARTITIONS)
           + PUSH_PARTITION_SLOT;
}

/* The slot of a key's tag (CRC16 of XMODEM, mod 16384). */
unsigned push_slot_of(const char *tag, size_t len);

#endif
