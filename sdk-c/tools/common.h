/* common.h - what the tools share: options, output, exit codes. */
#ifndef PUSHC_TOOLS_COMMON_H
#define PUSHC_TOOLS_COMMON_H

#include <getopt.h>
#include <pushc.h>

/* Exit codes. */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,    /* not all was accepted, or the server refused */
    EXIT_USAGE = 2,     /* the command line is wrong */
    EXIT_DENIED = 3,    /* access was refused: 401, 403 */
    EXIT_MISSING = 4,   /* pushctl: what was asked for is not there: 404 */
    EXIT_UNREACHED = 5, /* pushctl: no connection, or it broke */
    EXIT_TIMEOUT = 27   /* nothing in time, as mosquitto_sub has it */
};

#define LIST_MAX 64

/* Options of all tools; pushc is filled in as they come. */
struct common {
    const char *name; /* of the tool */
    pushc_options pushc;
    const char *token_file; /* read anew before every attempt */
    const char *headers[LIST_MAX];
    char *basic; /* our copy of user:password */
    int verbose;
    int json;
};

/* Values of long options without a short one; others begin above. */
enum {
    OPT_BASIC = 256,
    OPT_TOKEN_FILE,
    OPT_CACERT,
    OPT_CERT,
    OPT_KEY,
    OPT_PIN,
    OPT_PROXY,
    OPT_VERSION,
    OPT_HELP,
    OPT_OWN
};

#define COMMON_SHORT "L:T:H:jv"
#define COMMON_LONG                                                           \
    {"url", required_argument, NULL, 'L'},                                    \
        {"token", required_argument, NULL, 'T'},                              \
        {"token-file", required_argument, NULL, OPT_TOKEN_FILE},              \
        {"basic", required_argument, NULL, OPT_BASIC},                        \
        {"header", required_argument, NULL, 'H'},                             \
        {"cacert", required_argument, NULL, OPT_CACERT},                      \
        {"cert", required_argument, NULL, OPT_CERT},                          \
        {"key-file", required_argument, NULL, OPT_KEY},                       \
        {"pin", required_argument, NULL, OPT_PIN},                            \
        {"proxy", required_argument, NULL, OPT_PROXY},                        \
        {"json", no_argument, NULL, 'j'},                                     \
        {"verbose", no_argument, NULL, 'v'},                                  \
        {"version", no_argument, NULL, OPT_VERSION},                          \
    {                                                                         \
        "help", no_argument, NULL, OPT_HELP                                   \
    }

/* The lines of --help for them. */
extern const char common_help[];

void common_init(struct common *c, const char *name, const char *url);

/* Take one option; 0, or it is none of these. Ends the process for
 * --version and for a value that is wrong. */
int common_option(struct common *c, int option, const char *value);
void common_cleanup(struct common *c);

/* Say what is wrong with the command line, and end the process. */
void common_usage(const struct common *c, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* Say something to the user, on stderr. */
void common_say(const struct common *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A number from low to high; ends the process if it is none. */
long common_number(const struct common *c, const char *option,
                   const char *text, long low, long high);

/* The exit code for a status. */
int common_exit(int status);

#endif
