#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "store_shared.h"

/* The store of a test: made before each of a case, and gone behind it. */

extern fixture_t g;

/* Fixtures: 4 MiB, or 16 MiB for what is large. */
void store_begin(void);
void store_begin_large(void);
void store_end(void);

/* A stream of user/device opens on seat 0; must succeed.  channel may be NULL. */
push_stream_ref_t open_stream(const char *user, const char *device,
                              const char *channel);

#endif
