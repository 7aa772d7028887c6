#ifndef PUSH_MAP_H
#define PUSH_MAP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From a reference in shared memory to a number of this process: open
 * addressing with linear probing, keys are never 0.  One thread.
 */

typedef struct push_map_entry_t {
    uint32_t key; /* 0: empty */
    uint32_t value;
} push_map_entry_t;

typedef struct push_map_t {
    push_map_entry_t *entries;
    uint32_t mask;
    uint32_t count;
} push_map_t;

bool push_map_init(push_map_t *map);
void push_map_cleanup(push_map_t *map);

/* The value, or missing. */
uint32_t push_map_get(const push_map_t *map, uint32_t key, uint32_t missing);

/* Adds or replaces; false when there is no memory. */
bool push_map_put(push_map_t *map, uint32_t key, uint32_t value);

void push_map_remove(push_map_t *map, uint32_t key);

#endif
