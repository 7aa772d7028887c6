/* publish.c - publish a line of text each.  publish URL USER TEXT... */
#include <pushc.h>
#include <stdio.h>
#include <string.h>

static void on_result(void *ctx, const pushc_result *result)
{
    printf("%s: %s %s\n", (const char *)ctx,
           result->status == PUSHC_OK ? result->id
                                      : pushc_strerror(result->status),
           result->detail);
}

int main(int argc, char **argv)
{
    pushc_options options = PUSHC_OPTIONS_INIT;
    pushc_publisher *publisher;
    int i, failed = 0;

    options.url = argc > 1 ? argv[1] : "http://127.0.0.1:8080/push";
    options.streaming = 1;
    if (pushc_publisher_create(&options, &publisher) != PUSHC_OK) {
        return 1;
    }
    for (i = 3; i < argc; i++) {
        pushc_outgoing message = PUSHC_OUTGOING_INIT;

        message.user = argv[2];
        message.data = argv[i];
        message.length = strlen(argv[i]);
        message.urgency = "high";
        failed |= pushc_publish(publisher, &message, -1, on_result, argv[i]);
    }
    pushc_publisher_flush(publisher, -1);
    pushc_publisher_destroy(publisher);
    return failed ? 1 : 0;
}
