/* main.c - pushctl: the table of commands, and a run of one. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "channels.h"
#include "cluster.h"
#include "complete.h"
#include "explain.h"
#include "figures.h"
#include "messages.h"
#include "tail.h"
#include "reports.h"
#include "token.h"
#include "top.h"
#include "triggers.h"
#include "usage.h"
#include "users.h"

/* In the order of --help. */
static const struct ctl_command *const commands[] = {
    &ctl_stats,   &ctl_top,           &ctl_cluster,   &ctl_reports,
    &ctl_tail,    &ctl_check,         &ctl_user,      &ctl_device,
    &ctl_message, &ctl_explain,       &ctl_recall,    &ctl_disconnect,
    &ctl_revoke,  &ctl_subscriptions, &ctl_subscribe, &ctl_unsubscribe,
    &ctl_publish, &ctl_triggers,      &ctl_token,     &ctl_completion,
    NULL};

int main(int argc, char **argv)
{
    struct ctl_settings settings = {0};
    struct ctl c = {.commands = commands};
    int status;

    setlocale(LC_ALL, "");
    common_init(&c.common, "pushctl", NULL);
    c.common.pushc.ctx = &c.common;
    ctl_usage_parse(&c, &settings, argc, argv);
    ctl_settings_finish(&settings, &c);
    status = c.command->run(&c);
    ctl_settings_cleanup(&settings);
    common_cleanup(&c.common);
    free(c.state);
    free(c.url);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        common_say(&c.common, "the output cannot be written");
        status = status == EXIT_OK ? EXIT_FAILED : status;
    }
    return status;
}
