#ifndef PUSH_ADMIN_TRIGGERS_H
#define PUSH_ADMIN_TRIGGERS_H

#include <httpd.h>

/* How triggers stand, and their dead letters. */

/* GET triggers */
int push_show_triggers(request_rec *r, const char *none);

/* GET triggers/NAME/dead */
int push_show_dead(request_rec *r, const char *name);

/* POST triggers/NAME/retry: each is queued again, as if it were new. */
int push_retry_dead(request_rec *r, const char *name);

/* DELETE triggers/NAME/dead */
int push_forget_dead(request_rec *r, const char *name);

#endif
