#ifndef PUSH_SHOW_H
#define PUSH_SHOW_H

#include <httpd.h>

/* The views for an administrator; each function answers one request. */

int push_show_message(request_rec *r, const char *mid);
int push_recall_message(request_rec *r, const char *mid);
/* user is that of the path, or NULL: the query has it. */
int push_show_devices(request_rec *r, const char *user);
int push_show_device(request_rec *r, const char *id);
int push_show_stats(request_rec *r, const char *none);
int push_show_check(request_rec *r, const char *none);

#endif
