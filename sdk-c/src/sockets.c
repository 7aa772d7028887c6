/* sockets.c - the descriptors that a transport has watched. */
#include "sockets.h"

#include "mem.h"

int pushc_sockets_init(struct pushc_sockets *s, const struct pushc_mem *mem,
                       size_t room)
{
    s->mem = mem;
    s->room = room;
    s->of = pushc_mem_zalloc(mem, room * sizeof(*s->of));
    return s->of ? 0 : -1;
}

void pushc_sockets_cleanup(struct pushc_sockets *s)
{
    pushc_mem_free(s->mem, s->of);
}

static struct pushc_socket *find(const struct pushc_sockets *s, int fd)
{
    size_t i;

    for (i = 0; i < s->count; i++) {
        if (s->of[i].fd == fd) {
            return &s->of[i];
        }
    }
    return NULL;
}

int pushc_sockets_has(const struct pushc_sockets *s, int fd)
{
    return find(s, fd) != NULL;
}

static struct pushc_socket *add(struct pushc_sockets *s, int fd)
{
    if (s->count == s->room) {
        size_t room = s->room * 2;
        struct pushc_socket *more = pushc_mem_realloc(s->mem, s->of,
                                                      room * sizeof(*more));

        if (!more) {
            return NULL;
        }
        s->of = more;
        s->room = room;
    }
    s->of[s->count].fd = fd;
    return &s->of[s->count++];
}

static int forget(struct pushc_sockets *s, struct pushc_socket *socket)
{
    int fd = socket->fd;

    *socket = s->of[--s->count];
    return s->watch(s->watcher, fd, 0);
}

int pushc_sockets_set(struct pushc_sockets *s, int fd, int what,
                      const void *user)
{
    struct pushc_socket *socket = find(s, fd);

    if (!what) {
        return socket ? forget(s, socket) : 0;
    }
    socket = socket ? socket : add(s, fd);
    if (!socket) {
        return -1;
    }
    socket->user = user;
    socket->what = what;
    return s->watch(s->watcher, fd, what);
}

int pushc_sockets_forget(struct pushc_sockets *s, const void *user)
{
    size_t i = 0;
    int status = 0;

    while (i < s->count) {
        if (s->of[i].user != user) {
            i++;
        }
        else if (forget(s, &s->of[i]) != 0) {
            status = -1;
        }
    }
    return status;
}
