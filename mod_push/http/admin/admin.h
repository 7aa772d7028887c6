#ifndef PUSH_ADMIN_H
#define PUSH_ADMIN_H

#include <httpd.h>

/* PushEndpoint admin: publishing and administration. */
int push_admin(request_rec *r);

/* What an administrator sees; each answers one request. */
int push_show_message(request_rec *r, const char *mid);
int push_recall_message(request_rec *r, const char *mid);
int push_show_devices(request_rec *r, const char *user);
int push_show_device(request_rec *r, const char *id);
int push_show_channels(request_rec *r);
int push_show_stats(request_rec *r);
int push_show_health(request_rec *r);
int push_show_check(request_rec *r);

/* user is that of the path, or NULL: the query has it. */
int push_dismiss_streams(request_rec *r, const char *user);
int push_revoke_tokens(request_rec *r, const char *user);

#endif
