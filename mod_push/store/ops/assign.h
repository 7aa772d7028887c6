#ifndef PUSH_ASSIGN_H
#define PUSH_ASSIGN_H

#include "core/assigned.h"
#include "core/view.h"
#include "store/shard/subscriptions.h"

/*
 * The server subscribes users to channels, beside what their devices ask for:
 * all devices that there are follow at once, and those that come later from
 * their check-in on.  In a cluster Redis has them: see store/ops/tags.h.
 */

/*
 * Does what is asked for; its status says what came of it.  commit is for
 * push_journal_wait_state().
 */
void push_store_assign(push_store_t *store, push_assignment_t *assignment,
                       const push_time_t *now, push_commit_t *commit);

/* The channels of a user, as visitor->channel. */
push_status_t push_view_assigned(push_store_t *store, push_text_t user,
                                 const push_visitor_t *visitor);

/* ---- for a check-in ---- */

typedef struct push_assigned_copy_t {
    push_assigned_list_t *list; /* from malloc(); NULL: there is none */
    uint32_t version;           /* 0: there was none */
    bool known; /* of a cluster: the device was there, so it gets all since */
} push_assigned_copy_t;

/* With the lock of the user's shard; known stays.  False: no memory. */
bool push_assigned_copy(push_store_t *store, const push_name_t *user,
                        push_assigned_copy_t *copy);

/* With the same lock: the copy is what there is. */
bool push_assigned_current(push_store_t *store, const push_name_t *user,
                           const push_assigned_copy_t *copy);

/* With no lock: the channels of the copy as well, behind the device's own. */
push_status_t push_assigned_follow(push_store_t *store,
                                   push_subscription_list_t *wanted,
                                   const push_assigned_copy_t *copy,
                                   bool from_oldest);

/* ---- for the steward of a node ---- */

/* All channels of the list, as they are joined by who is known. */
push_status_t push_assigned_join(push_store_t *store,
                                 push_subscription_list_t *wanted,
                                 push_assigned_list_t *list);

/*
 * The devices of the user follow what is in wanted, which are the channels of
 * the list, and nothing else that the server subscribed them to.  With the lock
 * of the user's shard.  PUSH_NO_MEMORY: not all of them.
 */
push_status_t push_assigned_settle(push_store_t *store,
                                   const push_name_t *user,
                                   const push_assigned_list_t *list,
                                   const push_subscription_list_t *wanted);

/* ---- with the lock of the device's shard ---- */

/* Its record is written anew, and its stream follows what it follows now. */
void push_store_reroute(push_store_t *store, push_device_t *device);

/* The channel has this device more, or less. */
void push_store_count_follower(push_channel_t *channel,
                               const push_device_t *device, int by);

/* ---- for the sweep ---- */

/*
 * Takes out what the device follows no more, if nothing is in flight that
 * stands there.  With the lock of the device's shard.
 */
void push_assigned_tidy(push_store_t *store, push_device_t *device);

#endif
