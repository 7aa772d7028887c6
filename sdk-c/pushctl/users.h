/* users.h - the commands about a user: user, device, disconnect, revoke. */
#ifndef PUSHCTL_USERS_H
#define PUSHCTL_USERS_H

#include "command.h"

extern const struct ctl_command ctl_user, ctl_device, ctl_disconnect,
    ctl_revoke;

#endif
