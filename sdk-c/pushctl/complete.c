#include "complete.h"

#include <stdio.h>
#include <string.h>

#include "settings.h"

/* "a|b NAME" as "a b"; nothing where there is no choice. */
static void put_choices(const char *argument)
{
    if (strchr(argument, '|')) {
        for (; *argument && *argument != ' '; argument++) {
            putchar(*argument == '|' ? ' ' : *argument);
        }
    }
}

/* ---- bash ---- */

static void bash_names(const struct ctl_option *o)
{
    for (; o && o->name; o++) {
        if (o->code < OPT_BASIC) {
            printf(" -%c", o->code);
        }
        printf(" --%s", o->name);
    }
}

/* The words that stand for an option, as patterns of a case. */
static void bash_pattern(const struct ctl_option *o)
{
    printf("        --%s", o->name);
    if (o->code < OPT_BASIC) {
        printf(" | -%c", o->code);
    }
    printf(")\n");
}

static void bash_values(const struct ctl_option *o)
{
    for (; o && o->name; o++) {
        if (!o->argument) {
            continue;
        }
        bash_pattern(o);
        if (strchr(o->argument, '|')) {
            printf("            COMPREPLY=($(compgen -W '");
            put_choices(o->argument);
            printf("' -- \"$cur\"))\n");
        }
        else if (strcmp(o->argument, "FILE") == 0) {
            printf("            COMPREPLY=($(compgen -f -- \"$cur\"))\n");
        }
        printf("            return\n            ;;\n");
    }
}

/* One function that completes the values of these options, else returns 1. */
static void bash_function(const char *name, const struct ctl_option *o)
{
    printf("_pushctl_value_%s() {\n    case $1 in\n", name);
    bash_values(o);
    printf("        *) return 1 ;;\n    esac\n}\n\n");
}

static void bash_commands(const struct ctl_command *const *commands)
{
    printf("    case $command in\n");
    for (size_t i = 0; commands[i]; i++) {
        printf("        %s) words='", commands[i]->name);
        put_choices(commands[i]->arguments);
        bash_names(commands[i]->options);
        printf("' ;;\n");
    }
    printf("        '') words='");
    for (size_t i = 0; commands[i]; i++) {
        printf(" %s", commands[i]->name);
    }
    printf("' ;;\n    esac\n");
}

static const char bash_body[] =
    "_pushctl() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} "
    "before=${COMP_WORDS[COMP_CWORD-1]}"
    "\n"
    "    local command='' words='' word i\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if _pushctl_takes_value \"$word\"; then\n"
    "            ((i++))\n"
    "        elif [[ $word != -* ]]; then\n"
    "            command=$word\n"
    "            break\n"
    "        fi\n"
    "    done\n";

static const char bash_end[] =
    "    if [[ -n $command ]] &&\n"
    "        declare -F \"_pushctl_value_$command\" >/dev/null &&\n"
    "        \"_pushctl_value_$command\" \"$before\"; then\n"
    "        return\n"
    "    fi\n"
    "    if _pushctl_value_all \"$before\"; then\n"
    "        return\n"
    "    fi\n"
    "    COMPREPLY=($(compgen -W \"$words $all\" -- \"$cur\"))\n"
    "}\n\n"
    "complete -o bashdefault -F _pushctl pushctl\n";

static void complete_bash(const struct ctl_command *const *commands)
{
    printf("# bash completion for pushctl, made by `pushctl completion bash`."
           "\n# shellcheck shell=bash disable=SC2207\n\n");
    bash_function("all", ctl_globals);
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->options) {
            bash_function(commands[i]->name, commands[i]->options);
        }
    }
    printf("_pushctl_takes_value() {\n    local cur='' COMPREPLY\n"
           "    _pushctl_value_all \"$1\"\n}\n\n");
    printf("%s    local all='", bash_body);
    bash_names(ctl_globals);
    printf("'\n");
    bash_commands(commands);
    printf("%s", bash_end);
}

/* ---- zsh ---- */

/* Text within single quotes, and within the brackets of _arguments. */
static void zsh_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'') {
            printf("'\\''");
        }
        else if (strchr("[]:\\", *text)) {
            printf("\\%c", *text);
        }
        else {
            putchar(*text);
        }
    }
}

static void zsh_argument(const char *argument)
{
    printf(":");
    if (strchr(argument, '|')) {
        printf("value:(");
        put_choices(argument);
        printf(")");
    }
    else if (strcmp(argument, "FILE") == 0) {
        printf("file:_files");
    }
    else {
        zsh_text(argument);
        printf(": ");
    }
}

static void zsh_name(const struct ctl_option *o, const char *dashes,
                     const char *name)
{
    printf("        '%s%s", dashes, name);
    if (o->argument) {
        printf("%s", dashes[1] ? "=" : "+");
    }
    printf("[");
    zsh_text(o->help);
    printf("]");
    if (o->argument) {
        zsh_argument(o->argument);
    }
    printf("' \\\n");
}

static void zsh_options(const struct ctl_option *o)
{
    for (; o && o->name; o++) {
        const char letter[] = {(char)o->code, '\0'};

        if (o->code < OPT_BASIC) {
            zsh_name(o, "-", letter);
        }
        zsh_name(o, "--", o->name);
    }
}

static void zsh_commands(const struct ctl_command *const *commands)
{
    printf("    commands=(\n");
    for (size_t i = 0; commands[i]; i++) {
        printf("        '%s:", commands[i]->name);
        zsh_text(commands[i]->summary);
        printf("'\n");
    }
    printf("    )\n");
}

/* What the words behind a command may be, by its line of usage. */
static void zsh_rest(const struct ctl_command *command)
{
    if (strchr(command->arguments, '|')) {
        printf("        '1:value:(");
        put_choices(command->arguments);
        printf(")'");
    }
    else if (command->most > 0) {
        printf("        '1:name: '");
    }
    printf(" ;;\n");
}

static void complete_zsh(const struct ctl_command *const *commands)
{
    printf(
        "#compdef pushctl\n"
        "# zsh completion for pushctl, made by `pushctl completion zsh`.\n\n"
        "_pushctl() {\n    local -a commands all\n"
        "    local context state state_descr line\n"
        "    typeset -A opt_args\n");
    zsh_commands(commands);
    printf("    all=(\n");
    for (const struct ctl_option *o = ctl_globals; o->name; o++) {
        zsh_options((const struct ctl_option[]){*o, {0, NULL, NULL, NULL}});
    }
    printf("    )\n"
           "    _arguments -C $all '1:command:->command' '*::words:->words'\n"
           "    case $state in\n"
           "    command) _describe command commands ;;\n"
           "    words)\n        case $line[1] in\n");
    for (size_t i = 0; commands[i]; i++) {
        printf("        %s) _arguments $all \\\n", commands[i]->name);
        zsh_options(commands[i]->options);
        zsh_rest(commands[i]);
    }
    printf("        esac ;;\n    esac\n}\n\n_pushctl \"$@\"\n");
}

/* ---- the command ---- */

static int run_completion(struct ctl *c)
{
    if (strcmp(c->arguments[0], "bash") == 0) {
        complete_bash(c->commands);
    }
    else if (strcmp(c->arguments[0], "zsh") == 0) {
        complete_zsh(c->commands);
    }
    else {
        common_usage(&c->common, "completion is for bash and zsh, not for %s",
                     c->arguments[0]);
    }
    return EXIT_OK;
}

const struct ctl_command ctl_completion = {
    .name = "completion",
    .arguments = "bash|zsh",
    .summary = "print what the shell needs to complete a command line",
    .details = "For instance: source <(pushctl completion bash)",
    .least = 1,
    .most = 1,
    .run = run_completion,
};
