/* channels.h - the commands about what the server subscribes a user to:
 * subscriptions, subscribe, unsubscribe. */
#ifndef PUSHCTL_CHANNELS_H
#define PUSHCTL_CHANNELS_H

#include "command.h"

extern const struct ctl_command ctl_subscriptions, ctl_subscribe,
    ctl_unsubscribe;

#endif
