/* triggers.h - how triggers stand, and what they gave up. */
#ifndef PUSHCTL_TRIGGERS_H
#define PUSHCTL_TRIGGERS_H

#include "command.h"

extern const struct ctl_command ctl_triggers;

#endif
