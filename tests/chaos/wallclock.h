/*
 * The wall clock of one server that has preload/wallclock.c: it runs ahead of
 * the machine's by what a file says.
 */
#ifndef CHAOS_WALLCLOCK_H
#define CHAOS_WALLCLOCK_H

#include <stdint.h>

struct wallclock {
    _Atomic int64_t *ahead; /* s; may be set at any time */
    const char *name;       /* the file, for PUSH_WALLCLOCK */
};

/* One in this file, which is made where there is none; it lives until the test
 * ends. NULL: a file of its own. */
struct wallclock *wallclock_at(const char *name);

/* The library that a server is to load first. */
const char *wallclock_library(void);

#endif
