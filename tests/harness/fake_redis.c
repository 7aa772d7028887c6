#include "fake_redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 32
#define ROOM        (1 << 20)
#define WORDS_MAX   512

/* What comes to the next command of these words. */
struct rule {
    char words[64];
    char *bytes;
    long cut; /* -1: whole */
    bool always;
    struct rule *next;
};

/* What came: kept, to be counted. */
struct seen {
    char words[WORDS_MAX];
    struct seen *next;
};

struct connection {
    int fd;
    char *bytes;
    size_t len;
};

struct fake_redis {
    pthread_t thread;
    pthread_mutex_t lock;
    int listener, wake, port;
    bool stop, frozen, hang_up;
    struct rule *rules;
    struct seen *seen;
    unsigned accepted;
    struct connection connections[CONNECTIONS];
};

static void need(bool well, const char *what)
{
    if (!well) {
        perror(what);
        abort();
    }
}

/* ---- what it is told ---- */

static void add_rule(struct fake_redis *fake, const struct rule *rule)
{
    struct rule *copy = malloc(sizeof(*copy));
    struct rule **end;

    need(copy != NULL, "memory");
    *copy = *rule;
    copy->bytes = strdup(rule->bytes);
    copy->next = NULL;
    pthread_mutex_lock(&fake->lock);
    end = &fake->rules;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = copy;
    pthread_mutex_unlock(&fake->lock);
}

static struct rule rule_of(const char *words, const char *bytes)
{
    struct rule rule = {.bytes = (char *)bytes, .cut = -1};

    snprintf(rule.words, sizeof(rule.words), "%s", words);
    return rule;
}

void fake_redis_answer(struct fake_redis *fake, const char *words,
                       const char *bytes)
{
    struct rule rule = rule_of(words, bytes);

    add_rule(fake, &rule);
}

void fake_redis_always(struct fake_redis *fake, const char *words,
                       const char *bytes)
{
    struct rule rule = rule_of(words, bytes);

    rule.always = true;
    add_rule(fake, &rule);
}

void fake_redis_cut(struct fake_redis *fake, const char *words,
                    const char *bytes, size_t count)
{
    struct rule rule = rule_of(words, bytes);

    rule.cut = (long)count;
    add_rule(fake, &rule);
}

/* ---- answering, with the lock ---- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void put(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            return;
        }
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

static void drop(struct connection *c)
{
    close(c->fd);
    free(c->bytes);
    *c = (struct connection){.fd = -1};
}

static void answer_by_itself(struct connection *c, const char *words)
{
    static const struct {
        const char *words, *bytes;
    } usual[] = {
        {"PING", "+PONG\r\n"},
        {"CLUSTER", "-ERR This instance has cluster support disabled\r\n"},
        {"ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"},
        {"WAIT", ":1\r\n"},
        {"", "+OK\r\n"},
    };
    char text[WORDS_MAX + 64];
    size_t i = 0;

    if (begins(words, "SSUBSCRIBE ")) {
        snprintf(text, sizeof(text),
                 "*3\r\n$10\r\nssubscribe\r\n$%zu\r\n%s\r\n:1\r\n",
                 strlen(words) - 11, words + 11);
        put(c->fd, text, strlen(text));
        return;
    }
    while (!begins(words, usual[i].words)) {
        i++;
    }
    put(c->fd, usual[i].bytes, strlen(usual[i].bytes));
}

static struct rule **find_rule(struct fake_redis *fake, const char *words)
{
    struct rule **found = NULL;

    for (struct rule **r = &fake->rules; *r != NULL; r = &(*r)->next) {
        if (begins(words, (*r)->words)
            && (found == NULL || ((*found)->always && !(*r)->always))) {
            found = r;
        }
    }
    return found;
}

/* False: the connection is gone. */
static bool answer(struct fake_redis *fake, struct connection *c,
                   const char *words)
{
    struct rule **found = find_rule(fake, words);
    struct rule *rule;
    bool cut;

    if (found == NULL) {
        answer_by_itself(c, words);
        return true;
    }
    rule = *found;
    cut = rule->cut >= 0;
    put(c->fd, rule->bytes, cut ? (size_t)rule->cut : strlen(rule->bytes));
    if (!rule->always) {
        *found = rule->next;
        free(rule->bytes);
        free(rule);
    }
    if (cut) {
        drop(c);
    }
    return !cut;
}

/* ---- reading ---- */

/* The number behind '*' or '$', and where the line ends; NULL: not yet. */
static const char *number(const char *at, const char *end, long *value)
{
    const char *line = memchr(at, '\n', (size_t)(end - at));

    if (line == NULL) {
        return NULL;
    }
    *value = strtol(at + 1, NULL, 10);
    return line + 1;
}

/* The words of one command, with blanks between; 0: it is not whole. */
static size_t parse(const struct connection *c, char words[WORDS_MAX])
{
    const char *end = c->bytes + c->len;
    long count = 0, len = 0;
    const char *at = number(c->bytes, end, &count);
    size_t used = 0;

    for (; at != NULL && count > 0; count--) {
        at = at < end ? number(at, end, &len) : NULL;
        if (at == NULL || end - at < len + 2) {
            return 0;
        }
        if (used + (size_t)len + 2 < WORDS_MAX) {
            memcpy(words + used, at, (size_t)len);
            used += (size_t)len;
            words[used++] = ' ';
        }
        at += len + 2;
    }
    words[used > 0 ? used - 1 : 0] = '\0';
    return at != NULL ? (size_t)(at - c->bytes) : 0;
}

static void note(struct fake_redis *fake, const char *words)
{
    struct seen *seen = malloc(sizeof(*seen));

    need(seen != NULL, "memory");
    snprintf(seen->words, sizeof(seen->words), "%s", words);
    seen->next = fake->seen;
    fake->seen = seen;
}

static void take(struct fake_redis *fake, struct connection *c)
{
    ssize_t n = recv(c->fd, c->bytes + c->len, ROOM - c->len, 0);
    char words[WORDS_MAX];
    size_t used = 1;

    if (n <= 0) {
        drop(c);
        return;
    }
    c->len += (size_t)n;
    while (c->len > 0 && used > 0) {
        used = parse(c, words);
        if (used > 0) {
            note(fake, words);
            memmove(c->bytes, c->bytes + used, c->len - used);
            c->len -= used;
            if (!answer(fake, c, words)) {
                return;
            }
        }
    }
}

static void accept_one(struct fake_redis *fake)
{
    int fd = accept(fake->listener, NULL, NULL);
    int on = 1;

    for (int i = 0; fd >= 0 && i < CONNECTIONS; i++) {
        if (fake->connections[i].fd < 0) {
            fake->connections[i] = (struct connection){.fd = fd,
                                                       .bytes = malloc(ROOM)};
            need(fake->connections[i].bytes != NULL, "memory");
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            fake->accepted++;
            return;
        }
    }
    need(fd < 0, "too many connections");
}

static void turn(struct fake_redis *fake, struct pollfd *fds)
{
    pthread_mutex_lock(&fake->lock);
    for (int i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &fake->connections[i];

        if (fake->hang_up && c->fd >= 0) {
            drop(c);
        }
        else if (c->fd >= 0 && c->fd == fds[i].fd && fds[i].revents != 0
                 && !fake->frozen) {
            take(fake, c);
        }
    }
    fake->hang_up = false;
    if ((fds[CONNECTIONS].revents & POLLIN) != 0 && !fake->frozen) {
        accept_one(fake);
    }
    pthread_mutex_unlock(&fake->lock);
}

static bool prepare(struct fake_redis *fake, struct pollfd *fds)
{
    bool stop;

    pthread_mutex_lock(&fake->lock);
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = (struct pollfd){.fd = fake->frozen ? -1
                                                    : fake->connections[i].fd,
                                 .events = POLLIN};
    }
    fds[CONNECTIONS] = (struct pollfd){
        .fd = fake->frozen ? -1 : fake->listener, .events = POLLIN};
    fds[CONNECTIONS + 1] = (struct pollfd){.fd = fake->wake, .events = POLLIN};
    stop = fake->stop;
    pthread_mutex_unlock(&fake->lock);
    return !stop;
}

static void *run(void *data)
{
    struct fake_redis *fake = data;
    struct pollfd fds[CONNECTIONS + 2];
    eventfd_t rings;

    while (prepare(fake, fds)) {
        poll(fds, CONNECTIONS + 2, -1);
        if (fds[CONNECTIONS + 1].revents != 0) {
            eventfd_read(fake->wake, &rings);
        }
        turn(fake, fds);
    }
    return NULL;
}

/* ---- start and stop ---- */

struct fake_redis *fake_redis_start(void)
{
    struct fake_redis *fake = calloc(1, sizeof(*fake));
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    need(fake != NULL, "memory");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < CONNECTIONS; i++) {
        fake->connections[i].fd = -1;
    }
    pthread_mutex_init(&fake->lock, NULL);
    fake->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(fake->wake >= 0 && fake->listener >= 0
             && bind(fake->listener, (struct sockaddr *)&address, len) == 0
             && listen(fake->listener, 64) == 0
             && getsockname(fake->listener, (struct sockaddr *)&address, &len)
                    == 0,
         "a fake Redis");
    fake->port = ntohs(address.sin_port);
    need(pthread_create(&fake->thread, NULL, run, fake) == 0, "thread");
    return fake;
}

static void tell(struct fake_redis *fake, bool *word, bool value)
{
    pthread_mutex_lock(&fake->lock);
    *word = value;
    pthread_mutex_unlock(&fake->lock);
    eventfd_write(fake->wake, 1);
}

void fake_redis_stop(struct fake_redis *fake)
{
    tell(fake, &fake->stop, true);
    pthread_join(fake->thread, NULL);
    for (int i = 0; i < CONNECTIONS; i++) {
        if (fake->connections[i].fd >= 0) {
            drop(&fake->connections[i]);
        }
    }
    while (fake->rules != NULL) {
        struct rule *next = fake->rules->next;

        free(fake->rules->bytes);
        free(fake->rules);
        fake->rules = next;
    }
    while (fake->seen != NULL) {
        struct seen *next = fake->seen->next;

        free(fake->seen);
        fake->seen = next;
    }
    close(fake->listener);
    close(fake->wake);
    pthread_mutex_destroy(&fake->lock);
    free(fake);
}

int fake_redis_port(const struct fake_redis *fake)
{
    return fake->port;
}

void fake_redis_freeze(struct fake_redis *fake, bool frozen)
{
    tell(fake, &fake->frozen, frozen);
}

void fake_redis_hang_up(struct fake_redis *fake)
{
    tell(fake, &fake->hang_up, true);
}

void fake_redis_say(struct fake_redis *fake, const char *bytes)
{
    pthread_mutex_lock(&fake->lock);
    for (int i = 0; i < CONNECTIONS; i++) {
        if (fake->connections[i].fd >= 0) {
            put(fake->connections[i].fd, bytes, strlen(bytes));
        }
    }
    pthread_mutex_unlock(&fake->lock);
}

unsigned fake_redis_count(struct fake_redis *fake, const char *words)
{
    unsigned count = 0;

    pthread_mutex_lock(&fake->lock);
    for (const struct seen *s = fake->seen; s != NULL; s = s->next) {
        count += begins(s->words, words);
    }
    pthread_mutex_unlock(&fake->lock);
    return count;
}

unsigned fake_redis_connections(struct fake_redis *fake)
{
    unsigned count;

    pthread_mutex_lock(&fake->lock);
    count = fake->accepted;
    pthread_mutex_unlock(&fake->lock);
    return count;
}
