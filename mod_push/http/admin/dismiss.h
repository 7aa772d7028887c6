#ifndef PUSH_HTTP_DISMISS_H
#define PUSH_HTTP_DISMISS_H

#include <httpd.h>

/* How users are sent away; each answers one request. */

/* user is that of the path, or NULL: the query has it. */
int push_dismiss_streams(request_rec *r, const char *user);
int push_revoke_tokens(request_rec *r, const char *user);

#endif
