/* reports.h - what happened in each minute, or on each day. */
#ifndef PUSHCTL_REPORTS_H
#define PUSHCTL_REPORTS_H

#include "command.h"

extern const struct ctl_command ctl_reports;

#endif
