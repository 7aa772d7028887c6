/* Sockets and the clock. */
#ifndef PUSHBENCH_NET_H
#define PUSHBENCH_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* The monotonic clock, ns. */
uint64_t pb_now(void);

/*
 * Begin to connect, without blocking, from 127.0.0.2 + `source`. Returns the
 * descriptor (the caller's), or -1 with errno. It is connected when it is
 * writable and pb_connect_error says 0.
 */
int pb_connect_begin(const struct sockaddr_in *server, unsigned source);

/* The error (errno) that a begun connect ended with; 0 = connected. */
int pb_connect_error(int fd);

/* Watch `fd` for `events` with this baton, or change what is watched.
 * Return false with errno. */
bool pb_watch(int epoll, int fd, uint32_t events, void *baton);
bool pb_rewatch(int epoll, int fd, uint32_t events, void *baton);

/* Wait up to `wait_ns` for events. Returns their count; 0 on a signal. */
int pb_wait(int epoll, struct epoll_event *events, int max, uint64_t wait_ns);

#endif
