#ifndef PUSH_HASH_H
#define PUSH_HASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * SipHash-2-4 (Aumasson, Bernstein 2012): names come from outside, so the
 * tables that hold them need a hash that nobody outside can predict.
 */
uint64_t push_hash(const uint64_t key[2], const void *data, size_t len);

#endif
