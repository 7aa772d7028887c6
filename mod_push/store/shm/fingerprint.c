#include "store/shm/fingerprint.h"

/* FNV-1a, byte by byte: it is to tell versions apart, nothing more. */
uint64_t push_fingerprint_add(uint64_t sum, const uint64_t *values,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            sum = (sum ^ (values[i] >> shift & 0xffu)) * 0x100000001b3ULL;
        }
    }
    return sum;
}
