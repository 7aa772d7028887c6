/*
 * settings.h - the options that every command has, and where their values come
 * from: the command line, or else the environment (PUSHCTL_URL), or else a file
 * ("url = ..."), or else the default.
 */
#ifndef PUSHCTL_SETTINGS_H
#define PUSHCTL_SETTINGS_H

#include "command.h"

extern const struct ctl_option ctl_globals[];

#define CTL_SETTINGS 10 /* of them have a value */

/* What was said so far. All zeroes is the beginning. */
struct ctl_settings {
    struct {
        const char *value; /* borrowed, or of text */
        int level;         /* who said it, 0 for nobody */
    } of[CTL_SETTINGS];
    const char *config; /* --config */
    char *text;         /* the file, cut into strings */
};

/* Take one option of all commands from the command line. 0, or it is none of
 * these; --help and --version are not for here. */
int ctl_settings_option(struct ctl_settings *s, struct common *c, int option,
                        const char *value);

/* Read the environment and the file, and put into c what was said last. Ends
 * the process where something is wrong. */
void ctl_settings_finish(struct ctl_settings *s, struct ctl *c);

void ctl_settings_cleanup(struct ctl_settings *s);

#endif
