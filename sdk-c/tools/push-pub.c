/* push-pub.c - publish messages. */
#include <stdio.h>
#include <stdlib.h>

#include "publish.h"

static const char help[] =
    "push-pub - publish messages to a mod_push server\n"
    "usage: push-pub [OPTION]... AUDIENCE PAYLOAD\n"
    "  -L, --url URL            the administration's Location,\n"
    "                           http://127.0.0.1:8080/push\n"
    "Audience, one of:\n"
    "  -u, --user NAME          every device of a user\n"
    "  -d, --device ID          with --user: this device\n"
    "  -c, --channel NAME       every subscriber of a channel\n"
    "  -b, --broadcast          every device\n"
    "Payload, one of:\n"
    "  -m, --message TEXT\n"
    "  -f, --file FILE\n"
    "  -s, --stdin              all of standard input\n"
    "  -l, --lines              a message for each line of standard input,\n"
    "                           over one connection\n"
    "  -n, --null               an empty message\n"
    "How:\n"
    "  -q, --urgency LEVEL      high, normal, low, very-low\n"
    "  -t, --ttl SECONDS        how long it is worth delivering\n"
    "  -k, --topic KEY          replaces an undelivered one with this topic\n"
    "  -e, --event TYPE         event type\n"
    "  -M, --type TYPE          media type of the payload\n"
    "  -K, --key KEY            idempotency key\n"
    "  -r, --receipt            ask for a receipt (channel $receipts)\n"
    "  -W, --timeout SECONDS    give up after so long: 30\n"
    "  -j, --json               print each result as JSON\n";

static const struct option options[] = {
    COMMON_LONG,
    {"user", required_argument, NULL, 'u'},
    {"device", required_argument, NULL, 'd'},
    {"channel", required_argument, NULL, 'c'},
    {"broadcast", no_argument, NULL, 'b'},
    {"message", required_argument, NULL, 'm'},
    {"file", required_argument, NULL, 'f'},
    {"stdin", no_argument, NULL, 's'},
    {"lines", no_argument, NULL, 'l'},
    {"null", no_argument, NULL, 'n'},
    {"urgency", required_argument, NULL, 'q'},
    {"ttl", required_argument, NULL, 't'},
    {"topic", required_argument, NULL, 'k'},
    {"event", required_argument, NULL, 'e'},
    {"type", required_argument, NULL, 'M'},
    {"key", required_argument, NULL, 'K'},
    {"receipt", no_argument, NULL, 'r'},
    {"timeout", required_argument, NULL, 'W'},
    {NULL, 0, NULL, 0},
};

static void take(struct publish *p, int option, const char *value)
{
    switch (option) {
    case OPT_HELP:
        printf("%s%s", help, common_help);
        exit(EXIT_OK);
    case 'W':
        p->timeout = common_number(p->common, "--timeout", value, 1, 86400);
        break;
    default:
        if (publish_option(p, option, value) != 0) {
            common_option(p->common, option, value);
        }
    }
}

static void parse(struct publish *p, int argc, char **argv)
{
    static const char letters[] = COMMON_SHORT "u:d:c:bm:f:slnq:t:k:e:M:K:rW:";
    int option = getopt_long(argc, argv, letters, options, NULL);

    while (option != -1) {
        take(p, option, optarg);
        option = getopt_long(argc, argv, letters, options, NULL);
    }
    if (optind < argc) {
        common_usage(p->common, "%s is no option", argv[optind]);
    }
    publish_check(p);
}

int main(int argc, char **argv)
{
    struct common common;
    struct publish p;
    int status;

    common_init(&common, "push-pub", "http://127.0.0.1:8080/push");
    publish_init(&p, &common);
    parse(&p, argc, argv);
    status = publish_run(&p);
    common_cleanup(&common);
    return common_exit(status);
}
