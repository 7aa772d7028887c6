#include "outsiders.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keep.h"
#include "process.h"
#include "serverroot.h"

#define AT_A_TIME 65536

/* ---- what they say ---- */

static bool says(const char *line, size_t length, const char *what)
{
    return memmem(line, length, what, strlen(what)) != NULL;
}

static void take_line(struct outsiders *o, const char *line, size_t length)
{
    if (*line != '{') {
        ck_abort_msg("%s says: %.*s", o->options.program, (int)length, line);
    }
    journal_copy(o->options.journal, line, length);
    if (says(line, length, "\"what\":\"connected\"")) {
        o->open++;
    }
    else if (says(line, length, "\"what\":\"cut\"")) {
        o->open--;
    }
    else if (says(line, length, "\"what\":\"delivered\"")) {
        o->delivered++;
    }
    else if (says(line, length, "\"what\":\"gap\"")) {
        o->gaps++;
    }
}

static void take_lines(struct outsiders *o)
{
    size_t at = 0;
    const char *end = memchr(o->text, '\n', o->length);

    while (end != NULL) {
        size_t length = (size_t)(end - (o->text + at)) + 1;

        take_line(o, o->text + at, length);
        at += length;
        end = memchr(o->text + at, '\n', o->length - at);
    }
    o->length -= at;
    memmove(o->text, o->text + at, o->length);
}

/* All that they have written. */
static void take_all(struct outsiders *o)
{
    ssize_t n = 0;

    do {
        if (o->room - o->length < AT_A_TIME) {
            o->room += AT_A_TIME;
            o->text = realloc(o->text, o->room);
            ck_assert_ptr_nonnull(o->text);
        }
        n = read(o->fd, o->text + o->length, AT_A_TIME);
        ck_assert_int_ge((int)n, 0);
        o->length += (size_t)n;
        take_lines(o);
    } while (n > 0);
}

static void tick(struct loop_actor *actor, int64_t now)
{
    struct outsiders *o = (struct outsiders *)((char *)actor
                                               - offsetof(struct outsiders,
                                                          actor));

    (void)now;
    if (o->pid != 0) {
        take_all(o);
    }
}

/* ---- their process ---- */

static void release(void *object)
{
    struct outsiders *o = object;

    process_end(o->pid, SIGKILL);
    close(o->fd);
    free(o->text);
    free(o);
}

static pid_t begin(const struct outsiders *o)
{
    const struct outsiders_options *p = &o->options;
    const char *port = keep_printf("%d", p->server->port);
    const char *count = keep_printf("%d", p->count);
    const char *const words[] = {"node", p->program, port, p->user,
                                 count,  p->channel, NULL};
    size_t length = strlen(p->program);
    bool script = length > 3 && strcmp(p->program + length - 3, ".js") == 0;

    return process_start(script ? words : words + 1, o->said);
}

struct outsiders *outsiders_start(struct loop *loop,
                                  const struct outsiders_options *options)
{
    struct outsiders *o = keep(calloc(1, sizeof(*o)), release);

    o->options = *options;
    o->said = keep_printf("%s/said", serverroot_make());
    o->fd = open(o->said, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(o->fd, 0);
    o->pid = begin(o);
    o->actor.tick = tick;
    loop_add(loop, &o->actor);
    return o;
}

void outsiders_end(struct outsiders *o)
{
    process_end(o->pid, SIGTERM);
    o->pid = 0;
    take_all(o);
}
