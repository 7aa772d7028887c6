#ifndef PUSH_STATEDIR_H
#define PUSH_STATEDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The directory of the state on disk (PushStateDir), as the parent prepares
 * it: its owner, its mode, and that one server uses it.
 */

#define PUSH_STATE_FILE "state.mdb"
#define PUSH_STATE_NEXT "next.mdb"
#define PUSH_STATE_LOCK "lock"

/* The user and group of the children. */
typedef struct push_owner_t {
    uid_t uid;
    gid_t gid;
} push_owner_t;

/* A sentence for the log, behind "PushStateDir PATH". */
typedef struct push_sentence_t {
    char text[512];
} push_sentence_t;

/*
 * Makes the directory if there is none (mode 0700, of the owner), checks it,
 * and locks it for this process and all that it forks, to their end.  Returns
 * the descriptor that holds the lock; -1, and says why, if the directory
 * cannot be used; PUSH_STATEDIR_IN_USE, likewise, if others hold the lock.
 */
#define PUSH_STATEDIR_IN_USE (-2)

int push_statedir_prepare(const char *path, const push_owner_t *owner,
                          push_sentence_t *why);

/*
 * Whether push_statedir_prepare() could, but for the lock, which a server that
 * runs may hold: without making or changing anything.  False, and says why in
 * the same words.
 */
bool push_statedir_check(const char *path, const push_owner_t *owner,
                         push_sentence_t *why);

/* In a process of its own: becomes the owner; false if it cannot. */
bool push_statedir_become(const push_owner_t *owner);

#endif
