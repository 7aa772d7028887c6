/* top.h - the command top: the figures as they change. */
#ifndef PUSHCTL_TOP_H
#define PUSHCTL_TOP_H

#include "command.h"

extern const struct ctl_command ctl_top;

#endif
