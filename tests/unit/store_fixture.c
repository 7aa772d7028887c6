#include "store_fixture.h"

#include <check.h>

fixture_t g;

void store_begin(void)
{
    fixture_init(&g, (size_t)4 << 20);
}

void store_begin_large(void)
{
    fixture_init(&g, (size_t)16 << 20);
}

void store_end(void)
{
    fixture_cleanup(&g);
}

push_stream_ref_t open_stream(const char *user, const char *device,
                              const char *channel)
{
    push_stream_ref_t stream_ref;

    ck_assert_int_eq(fixture_checkin(&g, user, device, channel, &stream_ref),
                     PUSH_OK);
    return stream_ref;
}
