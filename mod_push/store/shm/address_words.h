#ifndef PUSH_ADDRESS_WORDS_H
#define PUSH_ADDRESS_WORDS_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * Addresses with many streams, as the nodes of a cluster tell each other of
 * them (broker/node/addresses.h).  No lock: who reads while it is written is
 * wrong about one address, once.
 */

#define PUSH_ADDRESSES_TOLD 32u /* by a node, at most */
#define PUSH_ADDRESSES_MAX  2048u

/* Of this node: what a check-in found to be many, told with the next lease. */
#define PUSH_ADDRESSES_SETS 64u
#define PUSH_ADDRESSES_WAYS 4u

typedef struct push_address_count_t {
    uint32_t address; /* push_guard_address() */
    uint32_t count;   /* streams */
} push_address_count_t;

/* What the others told, added up, in order of the addresses. */
typedef struct push_addresses_told_t {
    _Atomic uint32_t count;
    push_address_count_t of[PUSH_ADDRESSES_MAX];
} push_addresses_told_t;

typedef struct push_address_words_t {
    /* an address << 32 | its limit; 0: free */
    _Atomic uint64_t many[PUSH_ADDRESSES_SETS][PUSH_ADDRESSES_WAYS];
    _Atomic uint32_t nodes;   /* that are alive, this one included */
    _Atomic uint32_t current; /* index of the table that is read */
    _Atomic int64_t until;    /* mono ms; then nobody knows any more */
    push_addresses_told_t others[2];
} push_address_words_t;

#endif
