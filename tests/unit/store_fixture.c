#include "store_fixture.h"

#include <check.h>

ground_t g;

void store_begin(void)
{
    ground_init(&g, (size_t)4 << 20);
}

void store_begin_large(void)
{
    ground_init(&g, (size_t)16 << 20);
}

void store_end(void)
{
    ground_cleanup(&g);
}

push_ticket_t open_stream(const char *user, const char *device,
                          const char *channel)
{
    push_ticket_t ticket;

    ck_assert_int_eq(ground_checkin(&g, user, device, channel, &ticket),
                     PUSH_OK);
    return ticket;
}
