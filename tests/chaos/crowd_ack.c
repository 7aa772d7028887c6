/* crowd_ack.c - acknowledgements: one at a time for a client, each on a
 * connection of its own. */
#include "crowd_client.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chaos.h"

#define ACK_MS 10000 /* how long one may take */

void acking_end(struct client *c)
{
    if (c->acking.fd >= 0) {
        close(c->acking.fd);
        c->acking.fd = -1;
    }
    c->acking.list.count = 0;
}

static void write_request(struct client *c)
{
    char request[400];
    int length = snprintf(request, sizeof(request),
                          "POST /ramen/ack?%s&id=%s HTTP/1.1\r\n"
                          "Host: localhost\r\nPush-Client: crowd/1\r\n"
                          "Connection: close\r\nContent-Length: 0\r\n\r\n",
                          client_query(c), c->acking.id);

    c->acking.written = true;
    if (send(c->acking.fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        acking_end(c);
        return;
    }
    loop_rewatch(c->crowd->loop, c->acking.fd, EPOLLIN, &c->acking.source);
}

static void taken(struct client *c)
{
    size_t i;

    c->crowd->counts.acked++;
    for (i = 0; c->crowd->options.journal && i < c->acking.list.count; i++) {
        journal_line(c->crowd->options.journal,
                     "\"what\":\"acked\",\"device\":\"%s\",\"mid\":\"%s\"",
                     client_name(c), c->acking.list.items[i].mid);
    }
}

static void read_answer(struct client *c)
{
    char bytes[512];
    ssize_t n = recv(c->acking.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    struct reply_head head;

    reply_head_init(&head);
    if (n > 0 && reply_head_feed(&head, bytes, (size_t)n) > 0) {
        if (head.status == 204) {
            taken(c);
        }
        c->crowd->counts.conflicts += head.status == 409;
    }
    acking_end(c);
}

static void on_ready(struct loop_source *source, uint32_t events)
{
    struct client *c = (struct client *)((char *)source
                                         - offsetof(struct client,
                                                    acking.source));

    (void)events;
    if (c->acking.fd < 0) {
        return;
    }
    if (!c->acking.written) {
        write_request(c);
    }
    else {
        read_answer(c);
    }
}

void acking_init(struct client *c)
{
    c->acking.fd = -1;
    c->acking.source.ready = on_ready;
}

static void begin(struct client *c, int64_t now)
{
    struct taken_list spare = c->acking.list;

    c->acking.fd = client_connect(c);
    if (c->acking.fd < 0) {
        return;
    }
    c->acking.written = false;
    c->acking.until = now + ACK_MS;
    strcpy(c->acking.id, c->cursor);
    c->acking.list = c->taken;
    c->taken = spare;
    c->taken.count = 0;
    loop_watch(c->crowd->loop, c->acking.fd, EPOLLOUT, &c->acking.source);
}

void acking_tick(struct client *c, int64_t now)
{
    int pause = c->crowd->options.ack_ms;

    if (c->acking.fd >= 0) {
        if (now > c->acking.until) {
            acking_end(c);
        }
    }
    else if (c->state == CLIENT_OPEN && c->taken.count > 0
             && now >= c->acking.due) {
        c->acking.due = now + pause / 2
                        + (int64_t)dice_roll(c->crowd->dice, (uint64_t)pause);
        begin(c, now);
    }
}
