#ifndef CORE_FIXTURE_H
#define CORE_FIXTURE_H

#include "core_world.h"

/*
 * The world of a test: a user with one device, whose stream is open.  Made
 * before each of a case, and gone behind it.
 */

extern world_t w;
extern push_user_t *user;
extern push_channel_t *channels[2];
extern push_device_t *device;

/* Fixtures: the device follows no channel, or both. */
void world_begin(void);
void world_begin_following(void);
void world_end(void);

/* Publishes to a channel; must succeed. */
void cast(push_channel_t *channel, const char *text, push_urgency_t urgency);

#endif
