#ifndef PUSH_ADMIN_HEALTH_H
#define PUSH_ADMIN_HEALTH_H

#include <httpd.h>
#include <stdbool.h>

#include "core/health.h"

/* Of what takes no lock and no probe: nothing that somebody should look at. */
bool push_health_well(const push_health_t *health);

int push_show_health(request_rec *r, const char *none);

#endif
