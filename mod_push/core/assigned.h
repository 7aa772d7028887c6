#ifndef PUSH_CORE_ASSIGNED_H
#define PUSH_CORE_ASSIGNED_H

#include "core/heap.h"
#include "core/types.h"

/*
 * The channels that the server subscribes a user to, whatever the user's
 * devices ask for: a node beside the user, since it is there before the first
 * device and after the last one.  Its list is one piece, as it stands on disk.
 */

#define PUSH_ASSIGNED_MAX 64u /* channels of one user */
#define PUSH_ASSIGNED_ID  16u /* bytes */

typedef struct push_assigned_t {
    push_node_t node;
    push_ref_t list;  /* a push_assigned_list_t; swapped by one store */
    uint32_t version; /* another one at each change */
    uint32_t settled; /* of a cluster: the version that devices follow */
    unsigned char id[PUSH_ASSIGNED_ID]; /* begins with the node's hash */
} push_assigned_t;

/*
 * The user's name; then the channels, a byte of length before each.  One that
 * has none any more says that to the disk.
 */
typedef struct push_assigned_list_t {
    uint32_t size; /* of all of it, bytes */
    uint16_t count;
    uint16_t name_len;
    char bytes[];
} push_assigned_list_t;

/* True if size bytes are a list: its names and lengths are whole. */
bool push_assigned_whole(const push_assigned_list_t *list, size_t size);

static inline push_text_t push_assigned_user(const push_assigned_list_t *list)
{
    return (push_text_t){list->bytes, list->name_len};
}

/*
 * Steps through the channels: the one behind *channel, whose at is NULL at
 * first.  False: that was the last one.
 */
bool push_assigned_next(const push_assigned_list_t *list,
                        push_text_t *channel);

bool push_assigned_has(const push_assigned_list_t *list, push_text_t channel);

/* One change of a list; before: NULL, or as it stands. */
typedef struct push_assigned_change_t {
    const push_assigned_list_t *before;
    push_text_t user;
    push_text_t channel;
    bool add; /* it is not there; false: it is, and goes */
} push_assigned_change_t;

/* Bytes of the list behind the change. */
size_t push_assigned_size(const push_assigned_change_t *change);

/* Writes it to a place of that size, aligned to 4 bytes. */
void push_assigned_write(const push_assigned_change_t *change,
                         push_assigned_list_t *list);

/* What an administrator asks for, and what came of it. */
typedef struct push_assignment_t {
    push_text_t user;
    push_text_t channel;
    bool subscribe; /* false: no more */
    uint32_t most;  /* channels of this user */
    /*
     * PUSH_OK, also if it was so already; PUSH_TOO_MANY_SUBSCRIPTIONS,
     * PUSH_TOO_MANY_CHANNELS, PUSH_NO_MEMORY, PUSH_BUSY, PUSH_ALONE; of one
     * that is to end, PUSH_NOT_FOUND.  PUSH_NO_STATE: it is so, and may not
     * be any more after a restart.
     */
    push_status_t status;
} push_assignment_t;

#endif
