#ifndef PUSH_CAPTURE_H
#define PUSH_CAPTURE_H

#include <httpd.h>

/* Messages in the answers of applications (PushCapture). */

/* In register_hooks: the output filter, where it is inserted, and what no
 * client may say to an application. */
void push_capture_register(void);

#endif
