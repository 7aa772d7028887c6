/* receive.c - receive with acknowledgement.  receive URL USER [COUNT] */
#include <pushc.h>
#include <stdio.h>
#include <stdlib.h>

static void tell(void *ctx, const pushc_event *event)
{
    (void)ctx;
    if (event->kind == PUSHC_WAITING) {
        fprintf(stderr, "waiting: %s\n", event->detail);
    }
}

int main(int argc, char **argv)
{
    pushc_options options = PUSHC_OPTIONS_INIT;
    pushc_client *client;
    pushc_message *message;
    char query[128];
    int left = argc > 3 ? atoi(argv[3]) : -1;

    snprintf(query, sizeof(query), "user=%s", argc > 2 ? argv[2] : "ann");
    options.url = argc > 1 ? argv[1] : "http://127.0.0.1:8080/ramen";
    options.query = query;
    options.device = "example";
    options.on_event = tell;
    if (pushc_client_create(&options, &client) || pushc_client_start(client)) {
        return 1;
    }
    while (left != 0 && pushc_next(client, -1, &message) == PUSHC_OK) {
        printf("%s: %s\n", message->event, message->data);
        fflush(stdout);
        pushc_ack(client, message); /* done: it will not come again */
        left--;
    }
    pushc_client_destroy(client); /* acknowledges, then closes */
    return 0;
}
