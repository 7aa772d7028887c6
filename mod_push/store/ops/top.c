#include "store/ops/top.h"

#include <stdlib.h>
#include <string.h>

bool push_top_init(push_top_t *top)
{
    top->count = 0;
    top->more = false;
    top->entries = calloc(top->limit + (size_t)1, sizeof(*top->entries));
    for (uint32_t i = 0; top->entries && i <= top->limit; i++) {
        top->entries[i] = malloc(top->size);
        if (!top->entries[i]) {
            push_top_cleanup(top);
        }
    }
    return top->entries != NULL;
}

void push_top_cleanup(push_top_t *top)
{
    for (uint32_t i = 0; top->entries && i <= top->limit; i++) {
        free(top->entries[i]);
    }
    free(top->entries);
    top->entries = NULL;
}

bool push_top_wants(push_top_t *top, const void *entry)
{
    bool wanted = top->count < top->limit
                  || (top->count
                      && top->compare(entry, top->entries[top->count - 1])
                             < 0);

    top->more |= !wanted;
    return wanted;
}

/* Takes the entry out; what it lay in is free, behind the last one. */
static void take_out(push_top_t *top, uint32_t index)
{
    char *entry = top->entries[index];

    top->count--;
    memmove(&top->entries[index], &top->entries[index + 1],
            (top->count - index) * sizeof(*top->entries));
    top->entries[top->count] = entry;
}

static void drop_same(push_top_t *top, const void *entry)
{
    for (uint32_t i = 0; i < top->count; i++) {
        if (top->same(entry, top->entries[i])) {
            take_out(top, i);
            return;
        }
    }
}

/* Where it belongs: behind those that are first, and those that are equal. */
static uint32_t place_of(const push_top_t *top, const void *entry)
{
    uint32_t low = 0;
    uint32_t high = top->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (top->compare(entry, top->entries[middle]) < 0) {
            high = middle;
        }
        else {
            low = middle + 1;
        }
    }
    return low;
}

void push_top_put(push_top_t *top, const void *entry)
{
    uint32_t place;
    char *room;

    drop_same(top, entry);
    place = place_of(top, entry);
    room = top->entries[top->count];
    memcpy(room, entry, top->size);
    memmove(&top->entries[place + 1], &top->entries[place],
            (top->count - place) * sizeof(*top->entries));
    top->entries[place] = room;
    if (top->count == top->limit) {
        top->more = true;
    }
    else {
        top->count++;
    }
}
