#ifndef PUSH_FINGERPRINT_H
#define PUSH_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

/*
 * A number made of sizes, offsets and constants: two builds that agree on all
 * of them get the same one.
 */

#define PUSH_FINGERPRINT_START 0xcbf29ce484222325ULL

#define PUSH_FACT_SIZE(type)       sizeof(type)
#define PUSH_FACT_AT(type, member) offsetof(type, member)

/* The sum with these values behind those that are in it. */
uint64_t push_fingerprint_add(uint64_t sum, const uint64_t *values,
                              size_t count);

#endif
