#include "sources/redis/link.h"

#include <apr_strings.h>

#include "sources/report.h"

#define TEXT_MAX 400

static void report(void *data, const push_redis_trouble_t *trouble)
{
    push_worker_t *worker = data;
    char room[PUSH_REDIS_ADDRESS_TEXT];
    char text[TEXT_MAX];

    if (trouble->failure != PUSH_FAILURE_NONE) {
        apr_snprintf(text, sizeof(text), "Redis%s%s: %s",
                     trouble->address ? " " : "",
                     trouble->address
                         ? push_address_format(trouble->address, room)
                         : "",
                     trouble->text ? trouble->text
                                   : push_failure_name(trouble->failure));
        push_report_away(worker, text);
    }
}

bool push_link_open(push_link_t *link, push_worker_t *worker,
                    const push_redis_settings_t *settings)
{
    push_client_hooks_t hooks = {.data = worker, .trouble = report};

    link->worker = worker;
    link->client = push_client_create(settings, &hooks);
    return link->client != NULL;
}

void push_link_close(push_link_t *link)
{
    if (link->client) {
        push_client_destroy(link->client);
        link->client = NULL;
    }
}

void push_link_begin(push_request_t *request, int64_t ms)
{
    push_request_init(request, 0);
    request->deadline = push_redis_now() + ms;
}

static bool is_over(push_request_t *request)
{
    return sem_trywait(&request->over) == 0;
}

/* One turn of the client; false: the worker ends. */
static bool turn(const push_link_t *link)
{
    struct pollfd fds[PUSH_CLIENT_FDS + 1];
    unsigned count = push_client_pollfds(link->client, fds);
    int64_t left = push_client_until(link->client) - push_redis_now();
    int ready;

    left = left < 0 ? 0 : left > PUSH_REQUEST_MS ? PUSH_REQUEST_MS : left;
    fds[count] = (struct pollfd){.fd = link->worker->stop, .events = POLLIN};
    ready = poll(fds, count + 1, (int)left);
    if (ready > 0 && fds[count].revents) {
        return false;
    }
    push_client_serve(link->client, fds, ready < 0 ? 0 : count);
    return true;
}

bool push_link_call(push_link_t *link, push_request_t *first,
                    push_request_t *second)
{
    bool waits_first = first != NULL;
    bool waits_second = true;

    if (first) {
        push_client_send(link->client, first);
    }
    push_client_send(link->client, second);
    while (waits_first || waits_second) {
        if (!turn(link)) {
            push_link_close(link);
            return false;
        }
        waits_first = waits_first && !is_over(first);
        waits_second = waits_second && !is_over(second);
    }
    return true;
}

const char *push_link_wrong(apr_pool_t *pool, const push_request_t *request)
{
    push_text_t text = push_reply_text(request->reply);

    if (request->failure == PUSH_FAILURE_NONE) {
        return NULL;
    }
    return push_reply_kind(request->reply) == PUSH_REPLY_ERROR
               ? apr_psprintf(pool, "Redis says: %.*s", (int)text.len, text.at)
               : apr_psprintf(pool, "Redis does not answer (%s)",
                              push_failure_name(request->failure));
}
