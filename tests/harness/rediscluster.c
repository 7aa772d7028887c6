#include "rediscluster.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"
#include "wait.h"

#define SLOTS     16384
#define AT_A_TIME "100" /* keys that are moved by one command */

static bool runs(const struct redis *r)
{
    return r->pid != 0;
}

static const char *id_of(struct redis *r)
{
    return redis_call(r, "CLUSTER MYID")->str;
}

/* ---- how it is made ---- */

static void share_slots(struct redis_cluster *c)
{
    int i;

    for (i = 0; i < c->masters; i++) {
        redis_call(c->servers[i], "CLUSTER ADDSLOTSRANGE %d %d",
                   i * SLOTS / c->masters, (i + 1) * SLOTS / c->masters - 1);
    }
}

static void introduce(struct redis_cluster *c)
{
    const struct redis *first = c->servers[0];
    int i;

    for (i = 0; i < c->count; i++) {
        redis_call(c->servers[i], "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
        if (i > 0) {
            redis_call(c->servers[i], "CLUSTER MEET 127.0.0.1 %d %d",
                       first->port, first->bus);
        }
    }
}

/* A server replicates only whom it knows. */
static bool knows(struct redis *r, const char *id)
{
    return strstr(redis_call(r, "CLUSTER NODES")->str, id) != NULL;
}

static void give_replicas(struct redis_cluster *c)
{
    int i;

    for (i = c->masters; i < c->count; i++) {
        const char *id = id_of(c->servers[i % c->masters]);

        wait_until(knows(c->servers[i], id));
        redis_call(c->servers[i], "CLUSTER REPLICATE %s", id);
    }
}

static bool all_have_replicas(struct redis_cluster *c)
{
    int i;

    for (i = 0; i < c->masters; i++) {
        if (redis_info_number(c->servers[i], "connected_slaves")
            != c->count / c->masters - 1) {
            return false;
        }
    }
    return true;
}

struct redis_cluster *redis_cluster_start(int masters, int replicas,
                                          const struct redis_options *options)
{
    struct redis_cluster *c = keep(calloc(1, sizeof(*c)), free);
    struct redis_options o = {0};
    int i;

    if (options != NULL) {
        o = *options;
    }
    o.cluster = true;
    c->masters = masters;
    c->count = masters * (1 + replicas);
    ck_assert_int_le(c->count, REDIS_CLUSTER_MAX);
    for (i = 0; i < c->count; i++) {
        c->servers[i] = redis_start(&o);
    }
    share_slots(c);
    introduce(c);
    give_replicas(c);
    wait_until(redis_cluster_is_well(c) && all_have_replicas(c));
    return c;
}

/* ---- how it is ---- */

static bool is_well(struct redis *r)
{
    return strcmp(redis_info(r, "cluster_state"), "ok") == 0
           && redis_info_number(r, "cluster_slots_ok") == SLOTS
           && (strcmp(redis_info(r, "role"), "slave") != 0
               || strcmp(redis_info(r, "master_link_status"), "up") == 0);
}

bool redis_cluster_is_well(struct redis_cluster *c)
{
    int i;

    for (i = 0; i < c->count; i++) {
        if (runs(c->servers[i]) && !is_well(c->servers[i])) {
            return false;
        }
    }
    return true;
}

static struct redis *at_port(struct redis_cluster *c, long long port)
{
    int i;

    for (i = 0; i < c->count; i++) {
        if (c->servers[i]->port == port) {
            return c->servers[i];
        }
    }
    return NULL;
}

/* What one server says. A master that stands still does not answer, and one
 * that others have replaced is asked last. */
static struct redis *said_by(struct redis_cluster *c, struct redis *r,
                             int slot)
{
    redisReply *reply = redis_try(r, "CLUSTER SLOTS");
    size_t i;

    for (i = 0; reply != NULL && i < reply->elements; i++) {
        redisReply **range = reply->element[i]->element;

        if (slot >= range[0]->integer && slot <= range[1]->integer) {
            return at_port(c, range[2]->element[1]->integer);
        }
    }
    return NULL;
}

struct redis *redis_cluster_master_of(struct redis_cluster *c, int slot)
{
    struct redis *found = NULL;
    int i;

    for (i = c->count; i > 0 && found == NULL; i--) {
        if (runs(c->servers[i - 1])) {
            found = said_by(c, c->servers[i - 1], slot);
        }
    }
    return found;
}

struct redis *redis_cluster_replica_of(struct redis_cluster *c,
                                       const struct redis *master)
{
    int i;

    for (i = 0; i < c->count; i++) {
        struct redis *r = c->servers[i];

        if (r != master && runs(r)
            && strcmp(redis_info(r, "role"), "slave") == 0
            && redis_info_number(r, "master_port") == master->port) {
            return r;
        }
    }
    return NULL;
}

/* ---- slots that move ---- */

static void move_keys(struct redis *from, const struct redis *to, int slot)
{
    redisReply *keys = redis_call(from, "CLUSTER GETKEYSINSLOT %d " AT_A_TIME,
                                  slot);

    while (keys->elements > 0) {
        size_t i;

        for (i = 0; i < keys->elements; i++) {
            redis_call(from, "MIGRATE 127.0.0.1 %d %b 0 5000", to->port,
                       keys->element[i]->str, keys->element[i]->len);
        }
        keys = redis_call(from, "CLUSTER GETKEYSINSLOT %d " AT_A_TIME, slot);
    }
}

static void move_slot(struct redis_cluster *c, int slot, struct redis *to)
{
    struct redis *from = redis_cluster_master_of(c, slot);
    int i;

    ck_assert_ptr_nonnull(from);
    if (from == to) {
        return;
    }
    redis_call(to, "CLUSTER SETSLOT %d IMPORTING %s", slot, id_of(from));
    redis_call(from, "CLUSTER SETSLOT %d MIGRATING %s", slot, id_of(to));
    move_keys(from, to, slot);
    redis_call(to, "CLUSTER SETSLOT %d NODE %s", slot, id_of(to));
    redis_call(from, "CLUSTER SETSLOT %d NODE %s", slot, id_of(to));
    for (i = 0; i < c->count; i++) {
        if (runs(c->servers[i])) {
            redis_try(c->servers[i], "CLUSTER SETSLOT %d NODE %s", slot,
                      id_of(to));
        }
    }
}

void redis_cluster_move(struct redis_cluster *c, int first, int last,
                        struct redis *to)
{
    int slot;

    for (slot = first; slot <= last; slot++) {
        move_slot(c, slot, to);
    }
}

const char *redis_cluster_urls(const struct redis_cluster *c)
{
    return keep_printf("%s %s", redis_url(c->servers[0]),
                       redis_url(c->servers[c->count > 1 ? 1 : 0]));
}
