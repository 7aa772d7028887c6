#include "stream/loop/map.h"

#include <stdlib.h>

#define ROOM_MIN 64u

static uint32_t home(const push_map_t *map, uint32_t key)
{
    return key * 2654435761u & map->mask;
}

bool push_map_init(push_map_t *map)
{
    map->entries = calloc(ROOM_MIN, sizeof(*map->entries));
    map->mask = ROOM_MIN - 1;
    map->count = 0;
    return map->entries != NULL;
}

void push_map_cleanup(push_map_t *map)
{
    free(map->entries);
    map->entries = NULL;
}

/* The position of the key, or the empty one where it would be. */
static uint32_t position_of(const push_map_t *map, uint32_t key)
{
    uint32_t at = home(map, key);

    while (map->entries[at].key && map->entries[at].key != key) {
        at = (at + 1) & map->mask;
    }
    return at;
}

uint32_t push_map_get(const push_map_t *map, uint32_t key, uint32_t missing)
{
    const push_map_entry_t *entry = &map->entries[position_of(map, key)];

    return entry->key ? entry->value : missing;
}

static bool grow(push_map_t *map)
{
    push_map_t larger = {.entries = calloc((map->mask + 1) * 2u,
                                           sizeof(*map->entries)),
                         .mask = map->mask * 2 + 1,
                         .count = map->count};

    if (!larger.entries) {
        return false;
    }
    for (uint32_t i = 0; i <= map->mask; i++) {
        if (map->entries[i].key) {
            larger.entries[position_of(&larger, map->entries[i].key)] =
                map->entries[i];
        }
    }
    free(map->entries);
    *map = larger;
    return true;
}

bool push_map_put(push_map_t *map, uint32_t key, uint32_t value)
{
    push_map_entry_t *entry;

    if (map->count * 4 > map->mask * 3 && !grow(map)) {
        return false;
    }
    entry = &map->entries[position_of(map, key)];
    map->count += !entry->key;
    *entry = (push_map_entry_t){key, value};
    return true;
}

/* Moves up the entries that probed past the one that becomes empty. */
void push_map_remove(push_map_t *map, uint32_t key)
{
    uint32_t hole = position_of(map, key);
    uint32_t at = hole;

    if (!map->entries[hole].key) {
        return;
    }
    map->count--;
    for (;;) {
        uint32_t from;

        at = (at + 1) & map->mask;
        if (!map->entries[at].key) {
            break;
        }
        from = home(map, map->entries[at].key);
        if (((at - from) & map->mask) >= ((at - hole) & map->mask)) {
            map->entries[hole] = map->entries[at];
            hole = at;
        }
    }
    map->entries[hole].key = 0;
}
