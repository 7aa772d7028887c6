#include "redis_fixture.h"


static void note(void *data, const push_redis_trouble_t *trouble)
{
    fixture_t *f = data;

    pthread_mutex_lock(&f->lock);
    f->reports++;
    f->last = trouble->failure;
    snprintf(f->text, sizeof(f->text), "%s", trouble->text);
    pthread_mutex_unlock(&f->lock);
}

push_failure_t reported(fixture_t *f)
{
    push_failure_t last;

    pthread_mutex_lock(&f->lock);
    last = f->last;
    pthread_mutex_unlock(&f->lock);
    return last;
}

bool report_has(fixture_t *f, const char *words)
{
    bool has;

    pthread_mutex_lock(&f->lock);
    has = strstr(f->text, words) != NULL;
    pthread_mutex_unlock(&f->lock);
    return has;
}

unsigned reports(fixture_t *f)
{
    unsigned count;

    pthread_mutex_lock(&f->lock);
    count = f->reports;
    pthread_mutex_unlock(&f->lock);
    return count;
}

void fill_library(void *data, push_command_t *command)
{
    (void)data;
    push_command_string(command, "FUNCTION");
    push_command_string(command, "LOAD");
    push_command_string(command, "#!lua name=push");
}

static void end_fixture(void *data)
{
    fixture_t *f = data;

    push_courier_stop(f->courier);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static void end_fake(void *data)
{
    fake_redis_stop(data);
}

struct fake_redis *fake(void)
{
    return keep(fake_redis_start(), end_fake);
}

fixture_t *start_with(const push_redis_settings_t *settings)
{
    fixture_t *f = calloc(1, sizeof(*f));
    const push_client_hooks_t hooks = {
        .data = f, .library = fill_library, .trouble = note};

    pthread_mutex_init(&f->lock, NULL);
    f->settings = *settings;
    f->courier = push_courier_start(&f->settings, &hooks);
    ck_assert_ptr_nonnull(f->courier);
    return keep(f, end_fixture);
}

fixture_t *start_at(const char *url)
{
    push_redis_settings_t settings = {.connect_ms = SHORT_MS,
                                      .reply_ms = SHORT_MS};
    char why[PUSH_REDIS_WHY] = "";

    ck_assert_msg(push_redis_settings_add(&settings, url, why), "%s", why);
    return start_with(&settings);
}

fixture_t *start(const struct fake_redis *redis)
{
    return start_at(
        keep_printf("redis://127.0.0.1:%d", fake_redis_port(redis)));
}

static void release_request(void *data)
{
    push_request_cleanup(data);
    free(data);
}

push_request_t *request_of(const char *words)
{
    push_request_t *request = malloc(sizeof(*request));
    char *copy = keep_copy(words, strlen(words));
    char *state = NULL;

    push_request_init(request, 0);
    for (char *w = strtok_r(copy, " ", &state); w != NULL;
         w = strtok_r(NULL, " ", &state)) {
        push_command_string(&request->command, w);
    }
    return keep(request, release_request);
}

push_request_t *call(fixture_t *f, const char *words)
{
    push_request_t *request = request_of(words);

    push_courier_call(f->courier, request);
    return request;
}

push_client_figures_t figures(fixture_t *f)
{
    push_client_figures_t got;

    push_courier_figures(f->courier, &got);
    return got;
}

const char *map_of(const struct fake_redis *redis)
{
    return keep_printf("*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n"
                       ":%d\r\n$2\r\nid\r\n",
                       fake_redis_port(redis));
}
