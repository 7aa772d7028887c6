/* explain.h - why a message did not arrive, or a device hears nothing. */
#ifndef PUSHCTL_EXPLAIN_H
#define PUSHCTL_EXPLAIN_H

#include "command.h"

extern const struct ctl_command ctl_explain;

#endif
