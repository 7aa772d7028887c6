/* token.h - the command token: makes tokens for development, and shows what
 * is in one. */
#ifndef PUSHCTL_TOKEN_H
#define PUSHCTL_TOKEN_H

#include "command.h"

extern const struct ctl_command ctl_token;

#endif
