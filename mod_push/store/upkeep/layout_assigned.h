#ifndef PUSH_LAYOUT_ASSIGNED_H
#define PUSH_LAYOUT_ASSIGNED_H

#include <stdint.h>

/* The part of the layout's fingerprint that is about what users are assigned. */
uint64_t push_layout_assigned(uint64_t sum);

#endif
