#include "redis/tags.h"

#include <pthread.h>
#include <string.h>

#define LONGEST       4
#define PER_PARTITION (PUSH_REDIS_SLOTS / PUSH_PARTITIONS)

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static char tags[PUSH_PARTITIONS][LONGEST + 1];

static uint16_t crc16(const char *bytes, size_t len)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= (uint16_t)((unsigned char)bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)(crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0));
        }
    }
    return crc;
}

unsigned push_slot_of(const char *tag, size_t len)
{
    return crc16(tag, len) % PUSH_REDIS_SLOTS;
}

/* The text of the number in the alphabet, with so many letters. */
static void spell(char *tag, unsigned letters, unsigned number)
{
    for (unsigned i = letters; i-- > 0;) {
        tag[i] = alphabet[number % 36];
        number /= 36;
    }
    tag[letters] = '\0';
}

static void find_tags(void)
{
    unsigned missing = PUSH_PARTITIONS;
    unsigned count = 1;

    for (unsigned letters = 1; letters <= LONGEST; letters++) {
        count *= 36;
        for (unsigned i = 0; i < count && missing; i++) {
            char tag[LONGEST + 1];
            unsigned slot;

            spell(tag, letters, i);
            slot = push_slot_of(tag, letters);
            if (slot % PER_PARTITION == PUSH_PARTITION_SLOT
                && !tags[slot / PER_PARTITION][0]) {
                memcpy(tags[slot / PER_PARTITION], tag, sizeof(tag));
                missing--;
            }
        }
    }
}

const char *push_partition_tag(unsigned partition)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, find_tags);
    return tags[partition % PUSH_PARTITIONS];
}
