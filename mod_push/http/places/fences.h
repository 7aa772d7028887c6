#ifndef PUSH_HTTP_FENCES_H
#define PUSH_HTTP_FENCES_H

#include <httpd.h>

/* Circles that devices come into and leave, for administrators. */

/* GET <admin>/fences */
int push_show_fences(request_rec *r, const char *none);

/* GET, PUT and DELETE <admin>/fences/<name> */
int push_show_fence(request_rec *r, const char *name);
int push_put_fence(request_rec *r, const char *name);
int push_remove_fence(request_rec *r, const char *name);

#endif
