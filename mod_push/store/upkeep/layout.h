#ifndef PUSH_LAYOUT_H
#define PUSH_LAYOUT_H

#include <stdint.h>

/*
 * The version of the layout, made of the layout: the fingerprint of all that
 * processes share.  Two builds of the module with the same number may use one
 * segment together, and pass streams to each other; others may not.
 */

/* transport: of what moves with a stream; see push_migration_layout(). */
uint64_t push_layout(uint64_t transport);

#endif
