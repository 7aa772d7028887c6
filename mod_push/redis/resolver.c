#include "redis/resolver.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "redis/thread.h"

struct push_resolver_t {
    push_address_t address;
    push_resolved_t resolved;
    int fd;
    atomic_bool done;
    atomic_uint users; /* the thread, and who started it */
};

static void take_endpoints(const struct addrinfo *found,
                           push_resolved_t *resolved)
{
    for (; found && resolved->count < PUSH_RESOLVED_MAX;
         found = found->ai_next) {
        push_endpoint_t *endpoint = &resolved->endpoints[resolved->count++];

        memcpy(&endpoint->address, found->ai_addr, found->ai_addrlen);
        endpoint->len = found->ai_addrlen;
    }
}

static bool ask(const push_address_t *address, int flags,
                push_resolved_t *resolved)
{
    struct addrinfo hints = {.ai_flags = flags | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[8];
    int status;

    snprintf(port, sizeof(port), "%u", address->port);
    status = getaddrinfo(address->host, port, &hints, &found);
    if (status) {
        snprintf(resolved->why, sizeof(resolved->why),
                 "the name is not known: %s", gai_strerror(status));
        return false;
    }
    take_endpoints(found, resolved);
    freeaddrinfo(found);
    return true;
}

static void take_path(const push_address_t *address, push_resolved_t *resolved)
{
    struct sockaddr_un *local;

    _Static_assert(sizeof(*local) <= sizeof(struct sockaddr_storage), "room");
    resolved->count = 1;
    resolved->endpoints[0].len = sizeof(*local);
    local = (struct sockaddr_un *)&resolved->endpoints[0].address;
    *local = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(local->sun_path, address->host,
           strnlen(address->host, sizeof(local->sun_path) - 1));
}

bool push_resolve_literal(const push_address_t *address,
                          push_resolved_t *resolved)
{
    *resolved = (push_resolved_t){.count = 0};
    if (!address->port) {
        take_path(address, resolved);
        return true;
    }
    return ask(address, AI_NUMERICHOST, resolved);
}

void push_resolve(const push_address_t *address, push_resolved_t *resolved)
{
    if (!push_resolve_literal(address, resolved)) {
        ask(address, 0, resolved);
    }
}

/* Nobody waits for the thread: from now on the library that this is in, if it
 * is in one, stays in memory, whoever unloads it. */
static void stay_loaded(void)
{
    static const char here;
    Dl_info info;
    void *library = NULL;

    if (dladdr(&here, &info) && info.dli_fname) {
        library = dlopen(info.dli_fname,
                         RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
    if (library) {
        dlclose(library);
    }
}

static void *run(void *data)
{
    push_resolver_t *resolver = data;

    push_resolve(&resolver->address, &resolver->resolved);
    atomic_store(&resolver->done, true);
    eventfd_write(resolver->fd, 1);
    push_resolver_release(resolver);
    return NULL;
}

push_resolver_t *push_resolver_start(const push_address_t *address)
{
    push_resolver_t *resolver = calloc(1, sizeof(*resolver));
    pthread_t thread;
    int error;

    if (!resolver) {
        return NULL;
    }
    stay_loaded();
    resolver->address = *address;
    resolver->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&resolver->users, 2);
    if (resolver->fd < 0 || !push_redis_thread(&thread, run, resolver)) {
        error = errno;
        atomic_store(&resolver->users, 1);
        push_resolver_release(resolver);
        errno = error;
        return NULL;
    }
    pthread_detach(thread);
    return resolver;
}

int push_resolver_fd(const push_resolver_t *resolver)
{
    return resolver->fd;
}

bool push_resolver_done(push_resolver_t *resolver, push_resolved_t *resolved)
{
    if (!atomic_load(&resolver->done)) {
        return false;
    }
    *resolved = resolver->resolved;
    return true;
}

void push_resolver_release(push_resolver_t *resolver)
{
    if (atomic_fetch_sub(&resolver->users, 1) == 1) {
        if (resolver->fd >= 0) {
            close(resolver->fd);
        }
        free(resolver);
    }
}
