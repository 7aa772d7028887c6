#ifndef PUSH_HTTP_PRESENT_H
#define PUSH_HTTP_PRESENT_H

#include <httpd.h>

/* GET <base>/presence?channel=C: who is connected to a channel. */
int push_present(request_rec *r);

#endif
