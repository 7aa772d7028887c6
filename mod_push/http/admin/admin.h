#ifndef PUSH_ADMIN_H
#define PUSH_ADMIN_H

#include <httpd.h>

/* PushEndpoint admin: publishing and administration. */
int push_admin(request_rec *r);

#endif
