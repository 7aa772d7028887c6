#ifndef PUSH_RELAY_LOT_H
#define PUSH_RELAY_LOT_H

#include "broker/library/relay_calls.h"
#include "redis/buffer.h"

/*
 * What goes to a region at once: the first entries of some lists, as lines of
 * NDJSON, and what became of each when the region has answered.  Pure: it
 * knows neither how lines go out nor where answers come from.
 */

#define PUSH_LOT_LISTS   32u
#define PUSH_LOT_ENTRIES 100u          /* of a list */
#define PUSH_LOT_BYTES   (64u * 1024u) /* of a list; one entry may be more */

/* A message without a TTL is for who is there now: it is sent within so long. */
#define PUSH_LOT_NOW_MS 5000

/* One list's part of a lot. */
typedef struct push_lot_list_t {
    unsigned partition;
    unsigned taken; /* entries */
    unsigned over;  /* of them; their ticks, in the order of the list */
    uint64_t ticks[PUSH_LOT_ENTRIES];
    uint64_t over_ticks[PUSH_LOT_ENTRIES];
} push_lot_list_t;

/* A line that was sent: of which list, and which entry of it. */
typedef struct push_lot_line_t {
    uint16_t list, entry;
} push_lot_line_t;

typedef struct push_lot_t {
    push_lot_list_t lists[PUSH_LOT_LISTS];
    unsigned lists_count;
    push_lot_line_t lines[PUSH_LOT_LISTS * PUSH_LOT_ENTRIES];
    unsigned lines_count;
    push_buffer_t body;
    /* ---- what became of it ---- */
    unsigned expired; /* were not sent */
    unsigned sent;    /* the region has them */
    unsigned refused; /* it will never take them */
    unsigned again;   /* it may take them later, or has not said */
    bool foreign;     /* it answered a line with what is no answer of ours */
    char reason[256]; /* of the last one refused, or else to be sent again */
} push_lot_t;

/* Frees what it has, and is as if zeroed. */
void push_lot_clear(push_lot_t *lot);

/* One more list, PUSH_LOT_LISTS at most; its entries are added by the reply
 * of its take. */
push_lot_list_t *push_lot_list(push_lot_t *lot, unsigned partition);

/*
 * Adds lines for what was taken; cluster: the word for keys.  What has expired
 * is over.  False: no memory, and the list counts as not taken.
 */
bool push_lot_add(push_lot_t *lot, push_lot_list_t *list,
                  const push_reply_t *reply, const char *cluster);

/*
 * The region's answer, status 200, as far as it came: each line of it tells
 * what became of the line at its place; what has no answer stays.
 */
void push_lot_answered(push_lot_t *lot, const char *answer, size_t len);

/* All lines stay. */
void push_lot_unanswered(push_lot_t *lot);

#endif
