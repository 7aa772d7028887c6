#ifndef PUSH_RECEIVE_H
#define PUSH_RECEIVE_H

#include <httpd.h>

/* The subscribers' side: PushEndpoint subscribe. */

/* GET <base>/receive: opens the stream of a device. */
int push_receive(request_rec *r);

/* GET or POST <base>/ack: acknowledges what was received. */
int push_ack(request_rec *r);

#endif
