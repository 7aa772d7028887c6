/* tail.h - what happens, as it happens: the server's own channels. */
#ifndef PUSHCTL_TAIL_H
#define PUSHCTL_TAIL_H

#include <stddef.h>

#include "command.h"

extern const struct ctl_command ctl_tail;

/* An event of these channels as one clean line for a person, without its end;
 * freed by the caller, NULL: no memory. */
char *ctl_tail_line(const char *data, size_t length);

#endif
