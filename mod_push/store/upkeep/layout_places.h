#ifndef PUSH_LAYOUT_PLACES_H
#define PUSH_LAYOUT_PLACES_H

#include <stdint.h>

/* The part of the layout's fingerprint that is about where devices are. */
uint64_t push_layout_places(uint64_t sum);

#endif
