#ifndef PUSH_LAYOUT_LATER_H
#define PUSH_LAYOUT_LATER_H

#include <stdint.h>

/* The part of the layout's fingerprint that is about what is kept for later. */
uint64_t push_layout_later(uint64_t sum);

#endif
