#include "simulation/link.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "simulation/probe.h"
#include "stream/transport/tcp.h"

sim_link_t *sim_link_open(sim_t *s, const sim_packet_t *packet)
{
    for (int i = 0; i < SIM_LINKS; i++) {
        sim_link_t *link = &s->links[i];

        if (!link->used) {
            memset(link, 0, sizeof(*link));
            link->used = true;
            link->ends = 1;
            link->client = packet->who;
            return link;
        }
    }
    return NULL;
}

sim_link_t *sim_link_of(sim_t *s, int client, uint32_t conn)
{
    for (int i = 0; i < SIM_LINKS; i++) {
        sim_link_t *link = &s->links[i];

        if (link->used && link->client == client && link->conn == conn) {
            return link;
        }
    }
    return NULL;
}

sim_link_t *sim_link_of_stream(sim_t *s, uint32_t gen)
{
    for (int i = 0; i < SIM_LINKS; i++) {
        sim_link_t *link = &s->links[i];

        if (link->used && !link->closed && link->gen == gen) {
            return link;
        }
    }
    return NULL;
}

int sim_link_number(const sim_t *s, const sim_link_t *link)
{
    return (int)(link - s->links);
}

void sim_link_make_room(sim_t *s, sim_link_t *link, size_t bytes)
{
    link->space = bytes;
    if (link->starved && bytes && !link->closed && !link->moving) {
        link->starved = false;
        push_stream_set_on_event(&s->children[link->child].set, link->index,
                                 EPOLLOUT);
    }
}

void sim_link_free(sim_link_t *link)
{
    free(link->bytes);
    memset(link, 0, sizeof(*link));
}

void sim_link_leave(sim_link_t *link)
{
    link->gone = true;
    if (link->closed) {
        sim_link_free(link);
    }
}

void sim_link_notice(sim_t *s, sim_link_t *link, bool broken)
{
    if (!link->moving) {
        push_stream_set_on_event(&s->children[link->child].set, link->index,
                                 broken ? EPOLLERR : EPOLLIN | EPOLLRDHUP);
    }
}

bool sim_link_done(const sim_t *s, const sim_link_t *link)
{
    const push_stream_t *stream;

    if (link->closed || link->moving || link->at < link->len) {
        return false;
    }
    stream = push_stream_table_at(&s->children[link->child].set.streams,
                                  link->index);
    return !stream->part && !stream->link.rest;
}

/* ---- the server's end ---- */

static sim_link_t *link_at(const push_link_t *link)
{
    return &sim_current()->links[link->fd];
}

/* What nobody reads any more is taken all the same. */
static void put(sim_link_t *link, const char *bytes, size_t len)
{
    if (link->gone || !len) {
        return;
    }
    if (link->len + len > link->room) {
        link->room = (link->len + len) * 2;
        link->bytes = realloc(link->bytes, link->room);
        NEEDS(link->bytes != NULL, "no memory for a link");
    }
    memcpy(link->bytes + link->len, bytes, len);
    link->len += len;
}

static ssize_t memory_send(push_link_t *stream, struct iovec *pieces,
                           unsigned count)
{
    sim_link_t *link = link_at(stream);
    size_t sent = 0;

    for (unsigned i = 0; i < count && !link->starved; i++) {
        size_t len = pieces[i].iov_len;

        if (len > link->space) {
            len = link->space;
            link->starved = true;
        }
        put(link, pieces[i].iov_base, len);
        link->space -= len;
        sent += len;
    }
    stream->bytes += sent;
    return (ssize_t)sent;
}

static bool memory_peer_left(push_link_t *stream)
{
    return link_at(stream)->gone;
}

static bool memory_watch(const push_link_t *stream, int epoll, uint32_t data)
{
    sim_link_t *link = link_at(stream);

    (void)epoll;
    link->child = sim_current()->at_work;
    link->index = data;
    link->moving = false;
    return true;
}

/* Of what the client has not read its TCP has acknowledged a half. */
static uint64_t memory_arrived(const push_link_t *stream)
{
    const sim_link_t *link = link_at(stream);

    return link->at + (link->len - link->at) / 2;
}

static void memory_close(push_link_t *stream)
{
    sim_link_t *link = link_at(stream);

    link->closed = --link->ends == 0;
    if (link->gone && link->closed) {
        sim_link_free(link);
    }
}

const push_transport_t push_transport_tcp = {.name = "memory",
                                             .moves = true,
                                             .send = memory_send,
                                             .peer_left = memory_peer_left,
                                             .watch = memory_watch,
                                             .arrived = memory_arrived,
                                             .close = memory_close};
