#ifndef PUSH_ADMIN_LISTS_H
#define PUSH_ADMIN_LISTS_H

#include <httpd.h>

/* Lists for an administrator; each function answers one request. */

int push_show_channels(request_rec *r, const char *none);
int push_show_streams(request_rec *r, const char *none);
int push_show_children(request_rec *r, const char *none);

#endif
