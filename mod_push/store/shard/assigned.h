#ifndef PUSH_STORE_ASSIGNED_H
#define PUSH_STORE_ASSIGNED_H

#include "core/assigned.h"
#include "store/shard/store.h"

/*
 * The channels that the server subscribes users to, in the shards of these
 * users.  All functions run with the lock of the shard.
 */

static inline push_assigned_list_t *push_assigned_list(
    const push_heap_t *heap, const push_assigned_t *assigned)
{
    return push_at(heap, assigned->list);
}

/*
 * In a cluster it stands behind each list: as of which tick of the user's log
 * Redis said so, and for each channel since which tick of its own log what is
 * published there is for the user.
 */
typedef struct push_assigned_tail_t {
    uint64_t tick;
    uint64_t since[];
} push_assigned_tail_t;

static inline push_assigned_tail_t *push_assigned_tail(
    push_assigned_list_t *list)
{
    return (push_assigned_tail_t *)((char *)list
                                    + (list->size + 7u) / 8u * 8u);
}

/* Bytes of the list, with its tail in a cluster. */
size_t push_assigned_room(const push_store_t *store,
                          const push_assigned_list_t *list);

/* NULL: the server subscribes the user to nothing. */
push_assigned_t *push_assigned_find(push_store_t *store,
                                    const push_name_t *user);

/* The same by the id of the node. */
push_assigned_t *push_assigned_by_id(push_store_t *store, unsigned shard,
                                     const unsigned char *id);

/*
 * Makes the change of the user's list, which is there, or made.  The id is the
 * node's.  A list with no channel any more stays where there is a state on
 * disk: its record says that those of before are over, which another process
 * may have queued still.  PUSH_NO_MEMORY: nothing was changed.
 */
push_status_t push_assigned_change(push_store_t *store,
                                   const push_name_t *user,
                                   push_assigned_change_t *change,
                                   unsigned char *id);

/* Puts a list in place of the one that there is, or none, with its tail; false:
 * there is no memory. */
bool push_assigned_put(push_store_t *store, const push_name_t *user,
                       push_assigned_list_t *list);

/* In a cluster: the user's log is not followed any more. */
void push_assigned_forget(push_store_t *store, const push_name_t *user);

/* Puts a list back that is whole, of this user; false: there is no memory. */
bool push_assigned_restore(push_store_t *store, const push_name_t *user,
                           const push_assigned_list_t *list);

#endif
