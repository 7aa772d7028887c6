#ifndef PUSH_ADMIN_SCHEDULED_H
#define PUSH_ADMIN_SCHEDULED_H

#include <httpd.h>

/* What is kept to be published later. */

/* GET <admin>/scheduled: the first of it. */
int push_show_scheduled(request_rec *r, const char *none);

/* GET <admin>/scheduled/<id>: it, or what became of it. */
int push_show_later(request_rec *r, const char *id);

/* DELETE <admin>/scheduled/<id>: takes it back. */
int push_recall_later(request_rec *r, const char *id);

#endif
