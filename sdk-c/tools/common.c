/* common.c - what push-sub and push-pub share. */
#include "common.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char common_help[] =
    "Who I am:\n"
    "  -T, --token TOKEN        bearer token\n"
    "      --token-file FILE    bearer token, read before every attempt\n"
    "      --basic USER:PASS    basic authentication\n"
    "  -H, --header 'NAME: V'   one more request header\n"
    "The network:\n"
    "      --cacert FILE        CA certificates that are trusted, PEM\n"
    "      --cert FILE          client certificate, PEM\n"
    "      --key-file FILE      its key, PEM\n"
    "      --pin PIN            pinned key of the server, sha256//BASE64\n"
    "      --proxy URL          proxy\n"
    "Other:\n"
    "  -v, --verbose            tell on stderr what happens\n"
    "      --version            print the version\n"
    "      --help               print this\n";

void common_init(struct common *c, const char *name, const char *url)
{
    pushc_options o = PUSHC_OPTIONS_INIT;

    memset(c, 0, sizeof(*c));
    c->name = name;
    c->pushc = o;
    c->pushc.url = url;
    c->pushc.headers = c->headers;
}

void common_cleanup(struct common *c)
{
    free(c->basic);
}

static void tell(const char *name, const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void common_say(const struct common *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tell(c->name, format, args);
    va_end(args);
}

void common_usage(const struct common *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tell(c->name, format, args);
    va_end(args);
    fprintf(stderr, "%s --help lists the options\n", c->name);
    exit(EXIT_USAGE);
}

long common_number(const struct common *c, const char *option,
                   const char *text, long low, long high)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || n < low || n > high) {
        common_usage(c, "%s wants a number from %ld to %ld, not %s", option,
                     low, high, text);
    }
    return n;
}

/* The first line of the token file. */
static int read_token(void *ctx, int rejected, char *token, size_t size)
{
    struct common *c = ctx;
    FILE *f = fopen(c->token_file, "r");
    int status = -1;

    (void)rejected;
    if (f && fgets(token, (int)size, f)) {
        token[strcspn(token, "\r\n")] = '\0';
        status = PUSHC_OK;
    }
    if (f) {
        fclose(f);
    }
    if (status != PUSHC_OK) {
        common_say(c, "%s cannot be read", c->token_file);
    }
    return status;
}

static void on_log(void *ctx, int level, const char *line)
{
    (void)level;
    common_say(ctx, "%s", line);
}

static void take_basic(struct common *c, const char *value)
{
    char *colon;

    free(c->basic);
    c->basic = strdup(value);
    colon = c->basic ? strchr(c->basic, ':') : NULL;
    if (!colon) {
        common_usage(c, "--basic wants USER:PASSWORD");
    }
    *colon = '\0';
    c->pushc.username = c->basic;
    c->pushc.password = colon + 1;
}

static void take_header(struct common *c, const char *value)
{
    if (!strchr(value, ':') || c->pushc.header_count == LIST_MAX) {
        common_usage(c, "--header wants 'NAME: VALUE', %d of them at most",
                     LIST_MAX);
    }
    c->headers[c->pushc.header_count++] = value;
}

static int network_option(struct common *c, int option, const char *value)
{
    switch (option) {
    case OPT_CACERT:
        c->pushc.ca_file = value;
        return 0;
    case OPT_CERT:
        c->pushc.cert_file = value;
        return 0;
    case OPT_KEY:
        c->pushc.key_file = value;
        return 0;
    case OPT_PIN:
        c->pushc.pinned_key = value;
        return 0;
    case OPT_PROXY:
        c->pushc.proxy = value;
        return 0;
    default:
        return -1;
    }
}

int common_option(struct common *c, int option, const char *value)
{
    switch (option) {
    case 'L':
        c->pushc.url = value;
        return 0;
    case 'T':
        c->pushc.token = value;
        return 0;
    case OPT_TOKEN_FILE:
        c->token_file = value;
        c->pushc.on_token = read_token;
        return 0;
    case OPT_BASIC:
        take_basic(c, value);
        return 0;
    case 'H':
        take_header(c, value);
        return 0;
    case 'j':
        c->json = 1;
        return 0;
    case 'v':
        c->verbose = 1;
        c->pushc.on_log = on_log;
        return 0;
    case OPT_VERSION:
        printf("%s %s\n", c->name, pushc_version());
        exit(EXIT_OK);
    case '?':
        fprintf(stderr, "%s --help lists the options\n", c->name);
        exit(EXIT_USAGE);
    default:
        return network_option(c, option, value);
    }
}

int common_exit(int status)
{
    switch (status) {
    case PUSHC_OK:
        return EXIT_OK;
    case PUSHC_ERR_ARGUMENT:
        return EXIT_USAGE;
    case PUSHC_ERR_AUTH:
    case PUSHC_ERR_TOKEN:
        return EXIT_DENIED;
    case PUSHC_AGAIN:
    case PUSHC_ERR_TIMEOUT:
        return EXIT_TIMEOUT;
    default:
        return EXIT_FAILED;
    }
}
