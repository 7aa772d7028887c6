#ifndef PUSH_ADMIN_GRIP_H
#define PUSH_ADMIN_GRIP_H

#include <httpd.h>

/*
 * POST <admin>/publish: items as GRIP's libraries publish them to Pushpin
 * (docs/protocol.md); what is not supported is refused by its name.
 */
int push_grip_publish(request_rec *r, const char *none);

#endif
