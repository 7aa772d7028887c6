#ifndef PUSH_EVENTS_H
#define PUSH_EVENTS_H

#include <httpd.h>

/* POST <admin>/events: CloudEvents for the triggers. */
int push_events_take(request_rec *r, const char *none);

#endif
