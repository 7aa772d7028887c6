#ifndef PUSH_STATUS_H
#define PUSH_STATUS_H

#include <httpd.h>

/*
 * Our section of mod_status's page: the figures of GET <admin>/stats and
 * health, but for the messages, which would have to be counted with locks
 * held.  flags are the AP_STATUS_* of that module.  Returns OK.
 */
int push_status_section(request_rec *r, int flags);

#endif
