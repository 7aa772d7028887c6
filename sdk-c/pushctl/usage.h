/* usage.h - the command line: reading it, and telling what it may be. */
#ifndef PUSHCTL_USAGE_H
#define PUSHCTL_USAGE_H

#include "command.h"
#include "settings.h"

/* Read the command line: the command, its state and its arguments into c, the
 * settings into s. Ends the process for --help, --version and what is wrong;
 * argv is changed. */
void ctl_usage_parse(struct ctl *c, struct ctl_settings *s, int argc,
                     char **argv);

#endif
