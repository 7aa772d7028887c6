#include "core_fixture.h"

#include <check.h>

world_t w;
push_user_t *user;
push_channel_t *channels[2];
push_device_t *device;

static void begin(unsigned follows)
{
    world_init(&w);
    user = world_user(&w);
    channels[0] = world_channel(&w);
    channels[1] = world_channel(&w);
    device = world_device(&w, user, "d", channels, follows);
    world_open(&w, device, NULL);
}

void world_begin(void)
{
    begin(0);
}

void world_begin_following(void)
{
    begin(2);
}

void world_end(void)
{
    watched_heap_destroy(&w.memory);
}

void cast(push_channel_t *channel, const char *text, push_urgency_t urgency)
{
    ck_assert_int_eq(world_cast(&w, channel, spec_urgent(text, urgency)),
                     PUSH_OK);
}
