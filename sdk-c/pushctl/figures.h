/* figures.h - the commands that look at the whole: stats, check. */
#ifndef PUSHCTL_FIGURES_H
#define PUSHCTL_FIGURES_H

#include "command.h"

extern const struct ctl_command ctl_stats, ctl_check;

/* Whether a member of <admin>/stats is a state; the others that are numbers
 * count since the server started. */
int ctl_stats_is_now(const char *name);

#endif
