/* messages.h - the commands about a message: publish, message, recall. */
#ifndef PUSHCTL_MESSAGES_H
#define PUSHCTL_MESSAGES_H

#include "command.h"

extern const struct ctl_command ctl_publish, ctl_message, ctl_recall;

#endif
