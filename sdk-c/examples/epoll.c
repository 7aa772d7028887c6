/* epoll.c - a client in a plain epoll loop.  epoll URL USER [COUNT] */
#include <pushc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct app {
    int epoll;
    long long due; /* ms, -1: no timer */
    int left;      /* messages to come, -1: no end */
    int stopped;
    pushc_source *source;
    pushc_client *client;
};

static long long now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int watch(void *ctx, pushc_source *source, int fd, int what)
{
    struct app *app = ctx;
    struct epoll_event event;

    memset(&event, 0, sizeof(event));
    event.data.fd = fd;
    event.events = (what & PUSHC_READ ? EPOLLIN : 0u)
                   | (what & PUSHC_WRITE ? EPOLLOUT : 0u);
    app->source = source;
    if (!what) {
        epoll_ctl(app->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    return epoll_ctl(app->epoll, EPOLL_CTL_MOD, fd, &event) == 0
               ? 0
               : epoll_ctl(app->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int set_timer(void *ctx, pushc_source *source, long ms)
{
    struct app *app = ctx;

    app->source = source;
    app->due = ms < 0 ? -1 : now() + ms;
    return 0;
}

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

    app->stopped = event->kind == PUSHC_STOPPED;
}

static void run(struct app *app)
{
    while (!app->stopped) {
        struct epoll_event event;
        long long left = app->due < 0 ? -1 : app->due - now();
        int n = epoll_wait(app->epoll, &event, 1,
                           app->due < 0 ? -1
                           : left < 0   ? 0
                                        : (int)left);

        if (n == 1) {
            unsigned e = event.events;

            pushc_source_ready(
                app->source, event.data.fd,
                (e & (EPOLLIN | EPOLLHUP | EPOLLERR) ? PUSHC_READ : 0)
                    | (e & (EPOLLOUT | EPOLLERR) ? PUSHC_WRITE : 0));
        }
        if (app->due >= 0 && now() >= app->due) {
            app->due = -1;
            pushc_source_timeout(app->source);
        }
    }
}

int main(int argc, char **argv)
{
    struct app app = {.due = -1, .left = argc > 3 ? atoi(argv[3]) : -1};
    pushc_loop loop = {
        .size = sizeof(loop), .ctx = &app, .watch = watch, .timer = set_timer};
    pushc_options options = PUSHC_OPTIONS_INIT;
    char query[128];

    app.epoll = epoll_create1(EPOLL_CLOEXEC);
    snprintf(query, sizeof(query), "user=%s", argc > 2 ? argv[2] : "ann");
    options.url = argc > 1 ? argv[1] : "http://127.0.0.1:8080/ramen";
    options.query = query;
    options.device = "epoll";
    options.loop = &loop;
    options.ctx = &app;
    options.on_message = on_message;
    options.on_event = on_event;
    if (pushc_client_create(&options, &app.client)
        || pushc_client_start(app.client)) {
        return 1;
    }
    run(&app);
    pushc_client_destroy(app.client);
    close(app.epoll);
    return 0;
}
