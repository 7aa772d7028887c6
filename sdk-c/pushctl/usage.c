#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 64
#define HELP_COLUMN 29

/* ---- what getopt_long() wants ---- */

struct grammar {
    struct option options[OPTIONS_MAX];
    char letters[2 * OPTIONS_MAX + 2];
};

static void add_options(struct grammar *g, const struct ctl_option *o)
{
    size_t n = 0, at = strlen(g->letters);

    while (g->options[n].name) {
        n++;
    }
    for (; o && o->name && n < OPTIONS_MAX - 1; o++, n++) {
        g->options[n] = (struct option){
            o->name, o->argument ? required_argument : no_argument, NULL,
            o->code};
        if (o->code < OPT_BASIC) {
            g->letters[at++] = (char)o->code;
            if (o->argument) {
                g->letters[at++] = ':';
            }
        }
    }
    g->letters[at] = '\0';
}

/* ---- help ---- */

static void print_option(const struct ctl_option *o)
{
    char left[128];
    int n = o->code < OPT_BASIC
                ? snprintf(left, sizeof(left), "  -%c, --%s", o->code, o->name)
                : snprintf(left, sizeof(left), "      --%s", o->name);

    if (o->argument) {
        n += snprintf(left + n, sizeof(left) - (size_t)n, " %s", o->argument);
    }
    if (n + 2 > HELP_COLUMN) {
        printf("%s\n%*s%s\n", left, HELP_COLUMN, "", o->help);
    }
    else {
        printf("%-*s%s\n", HELP_COLUMN, left, o->help);
    }
}

static void print_options(const char *title, const struct ctl_option *o)
{
    printf("%s:\n", title);
    for (; o && o->name; o++) {
        print_option(o);
    }
}

static void help_command(const struct ctl_command *command)
{
    printf("pushctl %s - %s\nusage: pushctl %s [OPTION]...%s%s\n",
           command->name, command->summary, command->name,
           *command->arguments ? " " : "", command->arguments);
    if (command->details) {
        printf("%s\n", command->details);
    }
    if (command->options) {
        print_options("Options", command->options);
    }
    print_options("Options of all commands", ctl_globals);
}

static void help(const struct ctl *c)
{
    if (c->command) {
        help_command(c->command);
        exit(EXIT_OK);
    }
    printf("pushctl - look after a mod_push server\n"
           "usage: pushctl COMMAND [OPTION]... [ARGUMENT]...\n"
           "Commands:\n");
    for (size_t i = 0; c->commands[i]; i++) {
        printf("  %-12s %s\n", c->commands[i]->name, c->commands[i]->summary);
    }
    print_options("Options of all commands", ctl_globals);
    printf("pushctl COMMAND --help lists those of a command.\n");
    exit(EXIT_OK);
}

/* ---- reading ---- */

static void take(struct ctl *c, struct ctl_settings *s, int option)
{
    const struct ctl_option *o = c->command ? c->command->options : NULL;

    for (; o && o->name; o++) {
        if (o->code == option) {
            c->command->take(c, option, optarg);
            return;
        }
    }
    if (option == OPT_HELP) {
        help(c);
    }
    ctl_settings_option(s, &c->common, option, optarg);
}

/* Options from optind on; with "+" up to the first that is none. */
static void take_all(struct ctl *c, struct ctl_settings *s, int argc,
                     char **argv)
{
    struct grammar g;
    int option;

    memset(&g, 0, sizeof(g));
    strcpy(g.letters, c->command ? "" : "+");
    add_options(&g, c->command ? c->command->options : NULL);
    add_options(&g, ctl_globals);
    option = getopt_long(argc, argv, g.letters, g.options, NULL);
    while (option != -1) {
        take(c, s, option);
        option = getopt_long(argc, argv, g.letters, g.options, NULL);
    }
}

/* NULL: there is none of that name. */
static const struct ctl_command *find(const struct ctl *c, const char *name)
{
    for (size_t i = 0; c->commands[i]; i++) {
        if (strcmp(c->commands[i]->name, name) == 0) {
            return c->commands[i];
        }
    }
    return NULL;
}

static void choose(struct ctl *c, const char *name)
{
    if (!name) {
        common_usage(&c->common, "say a command");
    }
    c->command = find(c, name);
    if (!c->command) {
        common_usage(&c->common, "there is no command %s", name);
    }
    if (c->command->state_size) {
        c->state = calloc(1, c->command->state_size);
        if (!c->state) {
            common_usage(&c->common, "no memory");
        }
    }
    if (c->command->begin) {
        c->command->begin(c);
    }
}

/* getopt_long() begins anew where optind is 0; it takes the first word for the
 * name of the program. */
static void parse_command(struct ctl *c, struct ctl_settings *s, int argc,
                          char **argv)
{
    choose(c, argv[0]);
    argv[0] = (char *)c->common.name;
    optind = 0;
    take_all(c, s, argc, argv);
    c->arguments = argv + optind;
    c->count = argc - optind;
}

void ctl_usage_parse(struct ctl *c, struct ctl_settings *s, int argc,
                     char **argv)
{
    take_all(c, s, argc, argv);
    parse_command(c, s, argc - optind, argv + optind);
    if (c->count < c->command->least || c->count > c->command->most) {
        common_usage(&c->common, "usage: pushctl %s [OPTION]...%s%s",
                     c->command->name, *c->command->arguments ? " " : "",
                     c->command->arguments);
    }
}
