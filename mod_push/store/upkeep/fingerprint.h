#ifndef PUSH_FINGERPRINT_H
#define PUSH_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The version of the layout, made of the layout: sizes and places of all that
 * processes share, and the constants that it depends on.  Two builds of the
 * module with the same number may use one segment together, and pass streams
 * to each other; others may not.
 */

/* transport: of what moves with a stream; see push_migration_layout(). */
uint64_t push_fingerprint(uint64_t transport);

#define PUSH_FINGERPRINT_START 0xcbf29ce484222325ULL

#define PUSH_FACT_SIZE(type)       sizeof(type)
#define PUSH_FACT_AT(type, member) offsetof(type, member)

/* The sum with these values behind those that are in it. */
uint64_t push_fingerprint_add(uint64_t sum, const uint64_t *values,
                              size_t count);

#endif
