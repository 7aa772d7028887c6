#include "farside.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keep.h"
#include "wait.h"

static void release(void *object)
{
    struct farside *far = object;

    close(far->listener);
    free(far);
}

static void release_wire(void *object)
{
    struct wire *w = object;

    wire_close(w);
    free(w->bytes);
    free(w);
}

struct farside *farside_start(void)
{
    struct farside *far = keep(calloc(1, sizeof(*far)), release);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    far->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(far->listener, 0);
    ck_assert_int_eq(bind(far->listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(far->listener, 16), 0);
    ck_assert_int_eq(
        getsockname(far->listener, (struct sockaddr *)&address, &len), 0);
    far->port = ntohs(address.sin_port);
    return far;
}

static void accept_wire(struct farside *far)
{
    struct wire *w = keep(calloc(1, sizeof(*w)), release_wire);

    ck_assert_msg(wait_socket(far->listener, POLLIN, wait_now() + WAIT_MS),
                  "no request came");
    w->fd = accept4(far->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ck_assert_int_ge(w->fd, 0);
    w->bytes = calloc(1, 1);
    far->wire = w;
}

static void receive(struct wire *w, int64_t deadline)
{
    ck_assert_msg(wire_receive(w, deadline), "the request was cut off");
}

void farside_take(struct farside *far)
{
    int64_t deadline = wait_now() + 2 * WAIT_MS;
    const char *end, *length;
    size_t head, body;

    accept_wire(far);
    end = strstr(far->wire->bytes, "\r\n\r\n");
    while (end == NULL) {
        receive(far->wire, deadline);
        end = strstr(far->wire->bytes, "\r\n\r\n");
    }
    head = (size_t)(end - far->wire->bytes) + 4;
    far->head = keep_copy(far->wire->bytes, head);
    ck_assert_ptr_nonnull(strstr(far->head, "POST /push/messages HTTP/1.1"));
    ck_assert_ptr_nonnull(strstr(far->head, "\r\nPush-Relayed: 1\r\n"));
    ck_assert_ptr_nonnull(
        strstr(far->head, "\r\nContent-Type: application/x-ndjson\r\n"));
    length = strstr(far->head, "\r\nContent-Length: ");
    ck_assert_ptr_nonnull(length);
    body = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
    while (far->wire->used < head + body) {
        receive(far->wire, deadline);
    }
    far->body = keep_copy(far->wire->bytes + head, body);
}

const char *farside_body(const struct farside *far)
{
    return far->body;
}

const json_t *farside_line(const struct farside *far, int n)
{
    const char *line = far->body;
    const char *end = strchr(line, '\n');
    json_t *json;

    for (; n > 0 && end != NULL; n--) {
        line = end + 1;
        end = strchr(line, '\n');
    }
    ck_assert_msg(end != NULL, "there are fewer lines: %s", far->body);
    json = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES,
                      NULL);
    ck_assert_msg(json != NULL, "no JSON: %s", line);
    return json_keep(json);
}

void farside_answer(struct farside *far, int status, const char *body)
{
    const char *text = keep_printf(
        "HTTP/1.1 %d X\r\nContent-Type: application/x-ndjson\r\n"
        "%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        status, status == 302 ? "Location: http://127.0.0.1:1/\r\n" : "",
        strlen(body), body);

    wire_send(far->wire, text, strlen(text));
    farside_drop(far);
}

void farside_accept(struct farside *far)
{
    const char *answer = "";

    for (const char *at = strchr(far->body, '\n'); at != NULL;
         at = strchr(at + 1, '\n')) {
        answer = keep_printf(
            "%s{\"id\":\"8yIJLpzeWXv\",\"recipients\":0,\"connected\":0}\n",
            answer);
    }
    farside_answer(far, 200, answer);
}

void farside_drop(struct farside *far)
{
    wire_close(far->wire);
    far->wire = NULL;
}
