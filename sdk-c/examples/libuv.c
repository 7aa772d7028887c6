/* libuv.c - a client in a libuv loop.  libuv URL USER [COUNT] */
#include <pushc/uv.h>
#include <stdio.h>

struct app {
    pushc_client *client;
    int left;
    uv_idle_t end; /* frees the client outside of its hooks */
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

static void on_end(uv_idle_t *idle)
{
    struct app *app = idle->data;

    uv_close((uv_handle_t *)idle, NULL);
    pushc_client_destroy(app->client);
}

static void on_event(void *ctx, const pushc_event *event)
{
    struct app *app = ctx;

    if (event->kind == PUSHC_STOPPED) {
        uv_idle_start(&app->end, on_end);
    }
}

int main(int argc, char **argv)
{
    struct app app = {.left = argc > 3 ? atoi(argv[3]) : -1};
    pushc_options options = PUSHC_OPTIONS_INIT;
    pushc_loop loop;
    char query[128];

    snprintf(query, sizeof(query), "user=%s", argc > 2 ? argv[2] : "ann");
    if (pushc_uv_loop(uv_default_loop(), &loop) != 0) {
        return 1;
    }
    uv_idle_init(uv_default_loop(), &app.end);
    app.end.data = &app;
    options.url = argc > 1 ? argv[1] : "http://127.0.0.1:8080/ramen";
    options.query = query;
    options.device = "libuv";
    options.loop = &loop;
    options.ctx = &app;
    options.on_message = on_message;
    options.on_event = on_event;
    if (pushc_client_create(&options, &app.client)
        || pushc_client_start(app.client)) {
        return 1;
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return uv_loop_close(uv_default_loop()) == 0 ? 0 : 1;
}
