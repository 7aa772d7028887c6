/* complete.h - the command completion: what shells need to complete a command
 * line, made from the table of commands. */
#ifndef PUSHCTL_COMPLETE_H
#define PUSHCTL_COMPLETE_H

#include "command.h"

extern const struct ctl_command ctl_completion;

#endif
