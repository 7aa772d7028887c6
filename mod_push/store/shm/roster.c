#include "store/shm/roster.h"

#include <stdio.h>
#include <string.h>

int push_roster_init(push_roster_t *roster)
{
    return push_lock_init(&roster->lock);
}

void push_roster_set(push_roster_t *roster, const push_node_view_t *nodes,
                     unsigned count)
{
    count = count < PUSH_NODES_MAX ? count : PUSH_NODES_MAX;
    if (push_lock_acquire(&roster->lock) == PUSH_LOCK_BUSY) {
        return;
    }
    memcpy(roster->nodes, nodes, count * sizeof(*nodes));
    roster->count = count;
    push_lock_release(&roster->lock);
}

void push_roster_name(push_roster_t *roster, unsigned master,
                      const char *address)
{
    if (master >= PUSH_NODES_MAX
        || push_lock_acquire(&roster->lock) == PUSH_LOCK_BUSY) {
        return;
    }
    snprintf(roster->masters[master], sizeof(roster->masters[master]), "%s",
             address);
    push_lock_release(&roster->lock);
}

void push_roster_read(push_roster_t *roster, push_cluster_view_t *view)
{
    if (push_lock_acquire(&roster->lock) == PUSH_LOCK_BUSY) {
        return;
    }
    view->nodes_count = roster->count < PUSH_NODES_MAX ? roster->count
                                                       : PUSH_NODES_MAX;
    memcpy(view->nodes, roster->nodes,
           view->nodes_count * sizeof(*view->nodes));
    for (unsigned i = 0; i < PUSH_NODES_MAX; i++) {
        memcpy(view->masters[i].name, roster->masters[i],
               sizeof(view->masters[i].name));
    }
    push_lock_release(&roster->lock);
}
