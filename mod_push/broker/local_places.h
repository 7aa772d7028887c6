#ifndef PUSH_LOCAL_PLACES_H
#define PUSH_LOCAL_PLACES_H

#include "broker/places.h"

/* The calls of this machine's store, which has positions. */
extern const push_place_calls_t push_local_places;

#endif
