#ifndef PUSH_HOLD_H
#define PUSH_HOLD_H

#include <httpd.h>

/* Answers of applications that hold the connection of their client. */

/* In register_hooks: the output filter, and where it is inserted. */
void push_hold_register(void);

#endif
