/*
 * command.h - what a command of pushctl is.
 *
 * A command is one value of struct ctl_command in the file of its group, and
 * one entry in the table of main.c. Parsing, --help and the completions are
 * made from it.
 */
#ifndef PUSHCTL_COMMAND_H
#define PUSHCTL_COMMAND_H

#include <stddef.h>

#include "../tools/common.h"

/* One option. A table of them ends with a name of NULL. */
struct ctl_option {
    int code;             /* its letter, or a value from CTL_OWN on */
    const char *name;     /* without "--" */
    const char *argument; /* what --help calls it; "a|b" are the choices, FILE
                             is completed as one; NULL: it takes none */
    const char *help;     /* one line */
};

/* Codes of options without a letter: those of all or of several commands, then
 * a command's own. */
enum { CTL_CONFIG = OPT_OWN, CTL_NODE, CTL_OWN = OPT_OWN + 32 };

struct ctl_command;

/* One run of pushctl. */
struct ctl {
    struct common common; /* its url ends with no slash */
    char *url;            /* our copy of that, where it did */
    long timeout;         /* seconds, for one answer */
    const struct ctl_command *const *commands; /* all; ends with NULL */
    const struct ctl_command *command;         /* that runs */
    void *state;                               /* the command's, see below */
    char **arguments; /* of the command, and how many */
    int count;
};

struct ctl_command {
    const char *name;
    const char *arguments;            /* for the line of usage, "" if none */
    const char *summary;              /* one line, without a dot at the end */
    const char *details;              /* sentences below it, or NULL */
    int least, most;                  /* how many arguments it takes */
    const struct ctl_option *options; /* of its own, or NULL */
    size_t state_size; /* of a structure that begins as zeroes, for what its
                          options say; may be 0 */
    /* Have common and state ready, before the first option; may be NULL. */
    void (*begin)(struct ctl *c);
    /* Take one of its options; ends the process for a value that is wrong.
     * NULL where it has none. */
    void (*take)(struct ctl *c, int option, const char *value);
    /* Do it; the exit code. */
    int (*run)(struct ctl *c);
};

#endif
