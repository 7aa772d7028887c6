/* probing.c - a probe against a scripted server. */
#include "probing.h"

#include <check.h>
#include <stdlib.h>

struct scripted *server;
struct probe *probe;

void probing_begin(scripted_fn script, void *ctx)
{
    server = scripted_start(script, ctx);
    probe = calloc(1, sizeof(*probe));
    ck_assert_ptr_nonnull(probe);
    probe_init(probe, scripted_url(server));
}

void probing_end(void)
{
    probe_cleanup(probe);
    scripted_stop(server);
    free(probe);
}
