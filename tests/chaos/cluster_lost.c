#include "cluster_lost.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "keep.h"

#define SHOWN_MAX 5
#define TEXT_MAX  40

/* ---- Redis ---- */

/* The tick of a message: the number that it has in its lane. */
static uint64_t tick_of(const char *mid)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz";
    uint64_t n = 0;

    for (; *mid != '\0'; mid++) {
        n = 62 * n + (uint64_t)(strchr(digits, *mid) - digits);
    }
    return n >> 12;
}

/* One that does not answer has nothing. */
static redisReply *ask(struct redis *r, const char *command)
{
    redisReply *reply = r->pid != 0 ? redis_try(r, command) : NULL;

    return reply != NULL && reply->type != REDIS_REPLY_ERROR ? reply : NULL;
}

/* Who follows it, and the records of its devices: in hexadecimal. */
static void show_hash(const char *key, const redisReply *all)
{
    size_t i, at;

    for (i = 0; all != NULL && i + 1 < all->elements; i += 2) {
        const redisReply *value = all->element[i + 1];

        printf("    %s of %zu bytes: ", key, value->len);
        for (at = 0; at < value->len && at < 27; at++) {
            printf("%02x", (unsigned char)value->str[at]);
        }
        printf("\n");
    }
}

static void show_key(struct redis *r, const char *key, const char *mid)
{
    const redisReply *type = ask(r, keep_printf("TYPE %s", key));
    const redisReply *reply;

    if (type != NULL && strcmp(type->str, "zset") == 0) {
        reply = ask(r, keep_printf("ZRANGEBYSCORE %s %" PRIu64 " %" PRIu64,
                                   key, tick_of(mid), tick_of(mid)));
        printf("    %s has %s\n", key,
               reply != NULL && reply->elements > 0 ? "it" : "it not");
    }
    else if (type != NULL && strcmp(type->str, "hash") == 0) {
        show_hash(key, ask(r, keep_printf("HGETALL %s", key)));
    }
}

/* Replicas answer for their masters where they are asked to. */
static void show_redis(const struct scene *scene, const char *user,
                       const char *mid)
{
    const struct redis_cluster *engine = scene->cluster->engine;
    int i;

    for (i = 0; i < engine->count; i++) {
        struct redis *r = engine->servers[i];
        const redisReply *keys;
        size_t at;

        ask(r, "READONLY");
        keys = ask(r, keep_printf("KEYS *}?*%s", user));
        printf("  Redis at port %d:\n", r->port);
        for (at = 0; keys != NULL && at < keys->elements; at++) {
            show_key(r, keys->element[at]->str, mid);
        }
    }
}

/* ---- nodes ---- */

static void show_node(const struct scene *scene, int i, const char *user,
                      const char *mid)
{
    const char *const targets[] = {
        keep_printf("/push/check?user=%s", user),
        keep_printf("/push/devices?user=%s", user),
        keep_printf("/push/messages/%s?user=%s", mid, user),
        keep_printf("/push/explain?user=%s&message=%s", user, mid)};
    size_t at;

    printf("  node %d:\n", i);
    for (at = 0; at < sizeof(targets) / sizeof(*targets); at++) {
        printf("    %s",
               http_get(scene->cluster->nodes[i], targets[at])->body);
    }
}

static void show(const struct scene *scene, const char *user, const char *mid)
{
    int i;

    printf("%s of %s:\n", mid, user);
    show_redis(scene, user, mid);
    for (i = 0; i < SCENE_NODES; i++) {
        show_node(scene, i, user, mid);
    }
}

void lost_show(const struct scene *scene)
{
    const char *verdict = journal_verdict(scene->journal);
    const char *at = verdict;
    int shown = 0;

    if (verdict == NULL) {
        return;
    }
    printf("%s", verdict);
    for (at = strstr(at, "lost: "); at != NULL && shown < SHOWN_MAX;
         at = strstr(at + 1, "lost: ")) {
        char mid[TEXT_MAX], user[TEXT_MAX];

        if (sscanf(at, "lost: %39s was accepted for %39[^/]", mid, user)
            == 2) {
            show(scene, user, mid);
            shown++;
        }
    }
}
