#ifndef PUSH_ADMIN_ASSIGN_H
#define PUSH_ADMIN_ASSIGN_H

#include <httpd.h>

/*
 * Handlers below <admin>/users/<user>/channels and <admin>/subscriptions: to
 * which channels the server subscribes users.  The part is the user, the
 * channel, or none.
 */
int push_show_assigned(request_rec *r, const char *user);
int push_show_assignment(request_rec *r, const char *channel);
int push_assign(request_rec *r, const char *channel);
int push_unassign(request_rec *r, const char *channel);

/* Many at once: lines of JSON. */
int push_assign_lines(request_rec *r, const char *none);

#endif
