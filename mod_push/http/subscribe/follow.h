#ifndef PUSH_FOLLOW_REQUEST_H
#define PUSH_FOLLOW_REQUEST_H

#include <httpd.h>

/* POST <base>/follow: a device follows other channels, as its body says. */
int push_follow(request_rec *r);

#endif
