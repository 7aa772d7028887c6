#ifndef PUSH_PAGES_H
#define PUSH_PAGES_H

#include <httpd.h>

/*
 * The dashboard: files of a directory (PushDashboard), behind the guard of the
 * administration.  Each function answers one request.
 */

/* <admin>: to <admin>/, below which the page finds its files. */
int push_page_redirect(request_rec *r, const char *none);

/* <admin>/ */
int push_page_index(request_rec *r, const char *none);

/* <admin>/ui/<name>, and <admin>/ui/sdk/<name>. */
int push_page_file(request_rec *r, const char *name);
int push_page_sdk(request_rec *r, const char *name);

#endif
