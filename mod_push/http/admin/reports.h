#ifndef PUSH_ADMIN_REPORTS_H
#define PUSH_ADMIN_REPORTS_H

#include <httpd.h>

/* What happened in each minute or on each day, as JSON or CSV. */
int push_show_reports(request_rec *r, const char *none);

#endif
