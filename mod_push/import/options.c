#include "import/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "broker/library/keys.h"

static const char usage[] =
    "usage: push-import [OPTION]... DIR URL...\n"
    "Writes what a server that has ended left in its PushStateDir DIR into "
    "the\n"
    "cluster whose Redis is at URL (as in PushCluster); run it before the\n"
    "first node starts.\n"
    "\n"
    "  --secret=FILE   as PushClusterSecret; needed\n"
    "  --prefix=TEXT   as PushClusterPrefix; default push:\n"
    "  --tls-ca=FILE, --tls-cert=FILE, --tls-key=FILE   as PushClusterTLS\n"
    "  --dry-run       only read DIR, and say what there is\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 all of it is there; 1 the command line is wrong;\n"
    "2 refused, no message or device was written; 3 it broke off: run it "
    "again;\n"
    "4 done, but something is lost, which was said.\n";

enum { SECRET = 1, PREFIX, CA, CERT, KEY, DRY, HELP, VERSION };

static const struct option longs[] = {
    {"secret", required_argument, NULL, SECRET},
    {"prefix", required_argument, NULL, PREFIX},
    {"tls-ca", required_argument, NULL, CA},
    {"tls-cert", required_argument, NULL, CERT},
    {"tls-key", required_argument, NULL, KEY},
    {"dry-run", no_argument, NULL, DRY},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0}};

static push_import_wish_t wrong(const char *what)
{
    if (what) {
        fprintf(stderr, "push-import: %s\n", what);
    }
    fputs("push-import --help says more\n", stderr);
    return PUSH_IMPORT_WRONG;
}

static push_import_wish_t say(const char *text)
{
    fputs(text, stdout);
    return PUSH_IMPORT_SAID;
}

static push_import_wish_t take(push_import_options_t *options, int option)
{
    switch (option) {
    case SECRET:
        options->secret = optarg;
        return PUSH_IMPORT_RUN;
    case PREFIX:
        options->prefix = optarg;
        return PUSH_IMPORT_RUN;
    case CA:
        options->tls.ca = optarg;
        return PUSH_IMPORT_RUN;
    case CERT:
        options->tls.cert = optarg;
        return PUSH_IMPORT_RUN;
    case KEY:
        options->tls.key = optarg;
        return PUSH_IMPORT_RUN;
    case DRY:
        options->dry_run = true;
        return PUSH_IMPORT_RUN;
    case HELP:
        return say(usage);
    case VERSION:
        return say("push-import " PUSH_IMPORT_VERSION "\n");
    default:
        return wrong(NULL);
    }
}

static bool is_prefix(const char *prefix)
{
    size_t len = strlen(prefix);

    return len && len <= PUSH_PREFIX_MAX && !strpbrk(prefix, "{}");
}

static push_import_wish_t check(const push_import_options_t *options)
{
    if (!options->dir) {
        return wrong("DIR is missing: the PushStateDir of a server");
    }
    if (!is_prefix(options->prefix)) {
        return wrong("--prefix must be 1 to 64 bytes without { and }");
    }
    if (options->dry_run) {
        return PUSH_IMPORT_RUN;
    }
    if (!options->urls_count) {
        return wrong("URL is missing: the Redis of the cluster, as in "
                     "PushCluster");
    }
    return options->secret
               ? PUSH_IMPORT_RUN
               : wrong("--secret is missing: the file of PushClusterSecret");
}

push_import_wish_t push_import_options(int argc, char **argv,
                                       push_import_options_t *options)
{
    push_import_wish_t wish = PUSH_IMPORT_RUN;
    int option;

    *options = (push_import_options_t){.prefix = "push:"};
    while (wish == PUSH_IMPORT_RUN) {
        option = getopt_long(argc, argv, "", longs, NULL);
        if (option < 0) {
            break;
        }
        wish = take(options, option);
    }
    if (wish != PUSH_IMPORT_RUN) {
        return wish;
    }
    options->dir = optind < argc ? argv[optind] : NULL;
    options->urls = argv + optind + 1;
    options->urls_count = optind < argc ? argc - optind - 1 : 0;
    return check(options);
}
