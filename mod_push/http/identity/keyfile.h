#ifndef PUSH_KEYFILE_H
#define PUSH_KEYFILE_H

#include <stdint.h>

#include "http/identity/keyset.h"

/*
 * A file of keys that is looked after while the server runs: when it changes,
 * the new keys are taken; while it is broken, the old ones stay.  Any thread.
 */
typedef struct push_keyfile_t push_keyfile_t;

/*
 * Reads the file.  NULL, and why, if it cannot be used.  A file that holds a
 * secret and that everybody may read (its mode) cannot.
 */
push_keyfile_t *push_keyfile_open(const char *path, const char **error);
void push_keyfile_close(push_keyfile_t *file);

const char *push_keyfile_path(const push_keyfile_t *file);

/* The outcome of checking the file. */
typedef enum push_keyfile_change_t {
    PUSH_KEYFILE_SAME,
    PUSH_KEYFILE_RENEWED,
    PUSH_KEYFILE_BROKEN /* reported once a change; the keys before go on */
} push_keyfile_change_t;

/*
 * Borrows the keys until push_keyfile_release(), after a check of the file if
 * the last one was a second ago (mono ms).  Why it is broken is in *error.
 */
const push_keyset_t *push_keyfile_acquire(push_keyfile_t *file, int64_t now,
                                          push_keyfile_change_t *change,
                                          const char **error);
void push_keyfile_release(push_keyfile_t *file, const push_keyset_t *keys);

#endif
