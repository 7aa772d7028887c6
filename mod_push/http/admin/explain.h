#ifndef PUSH_HTTP_EXPLAIN_H
#define PUSH_HTTP_EXPLAIN_H

#include <httpd.h>

/* Why a message did not arrive, or a device hears nothing; see admin.c. */
int push_show_explanation(request_rec *r, const char *none);

#endif
