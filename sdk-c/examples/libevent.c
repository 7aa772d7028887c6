/* libevent.c - a client in a libevent loop.  libevent URL USER [COUNT] */
#include <pushc/libevent.h>
#include <stdio.h>

struct app {
    struct event_base *base;
    pushc_client *client;
    int left;
};

static int on_message(void *ctx, pushc_message *message)
{
    struct app *app = ctx;

    printf("%s: %s\n", message->event, message->data);
    fflush(stdout);
    if (app->left > 0 && --app->left == 0) {
        pushc_client_stop(app->client);
    }
    return PUSHC_DONE;
}

static void on_event(void *ctx, const pushc_event *event)
{
    struct app *app = ctx;

    if (event->kind == PUSHC_STOPPED) {
        event_base_loopbreak(app->base);
    }
}

int main(int argc, char **argv)
{
    struct app app = {.left = argc > 3 ? atoi(argv[3]) : -1};
    pushc_options options = PUSHC_OPTIONS_INIT;
    pushc_loop loop;
    char query[128];

    app.base = event_base_new();
    if (!app.base || pushc_libevent_loop(app.base, &loop) != 0) {
        return 1;
    }
    snprintf(query, sizeof(query), "user=%s", argc > 2 ? argv[2] : "ann");
    options.url = argc > 1 ? argv[1] : "http://127.0.0.1:8080/ramen";
    options.query = query;
    options.device = "libevent";
    options.loop = &loop;
    options.ctx = &app;
    options.on_message = on_message;
    options.on_event = on_event;
    if (pushc_client_create(&options, &app.client)
        || pushc_client_start(app.client)) {
        return 1;
    }
    event_base_dispatch(app.base);
    pushc_client_destroy(app.client);
    event_base_free(app.base);
    return 0;
}
