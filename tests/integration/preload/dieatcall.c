/*
 * Kills a child of httpd when it sends a certain word to Redis.  The file that
 * PUSH_DIE_FILE names says of which parent, at which word, and when: "1234
 * push_yield before 1", the 1 being how many of them it takes; "after", and
 * the word is on its way when the child dies.  The file is empty then.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef struct {
    int parent;
    char word[32];
    char when[8];
    int count;
} order_t;

static int seen; /* of this process */

/* Whether the file has an order for this process. */
static int read_order(order_t *order)
{
    const char *name = getenv("PUSH_DIE_FILE");
    FILE *file = name ? fopen(name, "re") : NULL;
    int read = 0;

    if (file) {
        read = fscanf(file, "%d %31s %7s %d", &order->parent, order->word,
                      order->when, &order->count);
        fclose(file);
    }
    return read == 4 && order->parent == (int)getppid();
}

/* The last of so many words. */
static int is_due(const order_t *order, const void *bytes, size_t len)
{
    return memmem(bytes, len, order->word, strlen(order->word))
           && ++seen >= order->count && !truncate(getenv("PUSH_DIE_FILE"), 0);
}

EXPORT ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int);
    order_t order;
    int due = read_order(&order) && is_due(&order, bytes, len);
    ssize_t sent;

    *(void **)&real = dlsym(RTLD_NEXT, "send");
    if (due && !strcmp(order.when, "before")) {
        kill(getpid(), SIGKILL);
    }
    sent = real(fd, bytes, len, flags);
    if (due) {
        kill(getpid(), SIGKILL);
    }
    return sent;
}
