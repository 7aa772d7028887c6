#include "import/target.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/node/meet.h"
#include "redis/client_call.h"

#define ANSWER_MS 10000 /* slots may move meanwhile */
#define LEASE_MS  10000 /* a number is another node's after a minute */

/* As the server has it of PushClusterSecret. */
#define SECRET_MIN 32u
#define SECRET_MAX 4096u

static bool refuse(push_target_t *target, const char *why)
{
    snprintf(target->why, sizeof(target->why), "%s", why);
    return false;
}

bool push_target_strange(push_target_t *target)
{
    return refuse(target, "what Redis answered is not what a cluster answers");
}

/* ---- the secret ---- */

/* The same as server/cluster.c makes of it. */
static void derive(const unsigned char *secret, size_t len,
                   const char *purpose, void *made, size_t size)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;

    HMAC(EVP_sha256(), secret, (int)len, (const unsigned char *)purpose,
         strlen(purpose), mac, &mac_len);
    memcpy(made, mac, size < mac_len ? size : mac_len);
}

static bool read_secret(push_target_t *target, const char *path)
{
    unsigned char secret[SECRET_MAX];
    FILE *file = fopen(path, "re");
    size_t len;

    if (!file) {
        snprintf(target->why, sizeof(target->why), "--secret %s: %s", path,
                 strerror(errno));
        return false;
    }
    len = fread(secret, 1, sizeof(secret), file);
    fclose(file);
    if (len < SECRET_MIN || len == SECRET_MAX) {
        snprintf(target->why, sizeof(target->why),
                 "--secret %s must have 32 to 4095 bytes; it has %s", path,
                 len < SECRET_MIN ? "fewer" : "more");
        return false;
    }
    derive(secret, len, "mod_push check", target->check,
           sizeof(target->check));
    derive(secret, len, "mod_push names", target->names,
           sizeof(target->names));
    OPENSSL_cleanse(secret, sizeof(secret));
    return true;
}

/* ---- where it is ---- */

static bool read_urls(push_target_t *target)
{
    const push_import_options_t *options = target->options;
    const push_redis_tls_files_t *files = &options->tls;
    char why[PUSH_REDIS_WHY];

    for (int i = 0; i < options->urls_count; i++) {
        if (!push_redis_settings_add(&target->redis, options->urls[i], why)) {
            return refuse(target, why);
        }
    }
    if (!target->redis.urls[0].tls) {
        return !(files->ca || files->cert || files->key)
               || refuse(target, "--tls-ca, --tls-cert and --tls-key need a "
                                 "URL of rediss://");
    }
    target->redis.tls = push_redis_tls_create(files, why);
    return target->redis.tls || refuse(target, why);
}

static void fill_library(void *data, push_command_t *command)
{
    (void)data;
    push_library_load(command, command->partition, false);
}

static void on_trouble(void *data, const push_redis_trouble_t *trouble)
{
    push_target_t *target = data;
    char address[PUSH_REDIS_ADDRESS_TEXT];

    if (trouble->failure != PUSH_FAILURE_NONE) {
        snprintf(target->trouble, sizeof(target->trouble), "%s: %s",
                 trouble->address
                     ? push_address_format(trouble->address, address)
                     : "no node",
                 trouble->text ? trouble->text : "");
    }
}

static bool connect_to(push_target_t *target)
{
    const push_client_hooks_t hooks = {
        .data = target, .library = fill_library, .trouble = on_trouble};

    target->client = push_client_create(&target->redis, &hooks);
    return target->client || refuse(target, "no memory");
}

push_home_t push_target_home(const push_target_t *target, unsigned partition)
{
    const char *prefix = target->options->prefix;

    return (push_home_t){{prefix, (uint32_t)strlen(prefix)}, partition};
}

/* ---- one call ---- */

static const char *advice_of(push_failure_t failure)
{
    switch (failure) {
    case PUSH_FAILURE_AWAY:
    case PUSH_FAILURE_AGAIN:
        return "Redis cannot be reached, or is not ready";
    case PUSH_FAILURE_SETUP:
        return "Redis refuses this user, or is older than 7.0: see the user "
               "and password of the URL, and conf/examples/redis-push.acl";
    case PUSH_FAILURE_LIBRARY:
        return "the function library cannot be loaded: Redis must be 7.0 or "
               "later, and the user needs +function|load";
    case PUSH_FAILURE_FULL:
        return "Redis has no memory left (maxmemory)";
    case PUSH_FAILURE_REFUSED:
        return "Redis takes no writes (replicas, disk, or a script that "
               "runs)";
    default:
        return "Redis did not answer as it should; does its user have all "
               "the rights of conf/examples/redis-push.acl?";
    }
}

static bool call(push_target_t *target, push_request_t *request)
{
    push_text_t error;

    request->deadline = push_redis_now() + ANSWER_MS;
    push_client_call(target->client, request);
    if (request->failure == PUSH_FAILURE_NONE) {
        return true;
    }
    error = push_reply_text(request->reply);
    snprintf(target->why, sizeof(target->why), "%s%s%.*s%s%s",
             advice_of(request->failure), error.len ? ": " : "",
             (int)error.len, error.len ? error.at : "",
             target->trouble[0] ? "; " : "", target->trouble);
    push_request_cleanup(request);
    return false;
}

/* ---- our number ---- */

static bool take_lease(push_target_t *target, const push_lease_reply_t *lease)
{
    if (lease->outcome == PUSH_LEASE_FULL) {
        return refuse(target, "the cluster has 64 nodes already");
    }
    if (lease->outcome == PUSH_LEASE_LOST) {
        return refuse(target, "the number that was lent for the import is "
                              "another node's now");
    }
    target->owner = lease->owner;
    target->leased = push_redis_now();
    return true;
}

static bool lease(push_target_t *target)
{
    push_lease_call_t order = {.meta = {.home = push_target_home(target, 0)},
                               .owner = target->owner};
    push_lease_reply_t *reply = calloc(1, sizeof(*reply));
    push_request_t request;
    bool well;

    if (!reply) {
        return refuse(target, "no memory");
    }
    memcpy(order.meta.hash_key, target->hash_key, sizeof(order.meta.hash_key));
    memcpy(order.meta.check, target->check, sizeof(order.meta.check));
    push_request_init(&request, 0);
    push_library_lease(&request.command, &order);
    well = call(target, &request);
    if (well) {
        well = push_lease_reply(request.reply, reply)
                   ? take_lease(target, reply)
                   : push_target_strange(target);
        push_request_cleanup(&request);
    }
    free(reply);
    return well;
}

/* Nodes would wait a minute for it to be free. */
static void give_back(push_target_t *target)
{
    push_home_t home = push_target_home(target, 0);
    push_request_t request;

    push_request_init(&request, 0);
    push_command_string(&request.command, "HDEL");
    push_library_key(&request.command, &home, PUSH_KEY_NODES,
                     (push_text_t){"", 0});
    push_command_unsigned(&request.command, push_owner_node(target->owner));
    if (call(target, &request)) {
        push_request_cleanup(&request);
    }
}

bool push_target_call(push_target_t *target, push_request_t *request)
{
    if (push_redis_now() > target->leased + LEASE_MS && !lease(target)) {
        push_request_cleanup(request);
        return false;
    }
    return call(target, request);
}

/* ---- whether it is the right one ---- */

static bool see_meta(push_target_t *target, const push_reply_t *reply)
{
    push_meta_reply_t meta;

    if (!push_meta_reply(reply, &meta)) {
        return refuse(target, "what Redis has at --prefix is no cluster's");
    }
    if (memcmp(meta.check, target->check, sizeof(meta.check))) {
        return refuse(target, "--secret is another one than that of the "
                              "cluster");
    }
    return !memcmp(meta.hash_key, target->hash_key, sizeof(meta.hash_key))
           || refuse(target, "the cluster has begun without the state: "
                             "push-import has to run before the first node "
                             "starts (or with another --prefix)");
}

static bool get_meta(push_target_t *target)
{
    push_meta_call_t order = {.home = push_target_home(target, 0)};
    push_request_t request;
    bool well;

    memcpy(order.hash_key, target->hash_key, sizeof(order.hash_key));
    memcpy(order.check, target->check, sizeof(order.check));
    push_request_init(&request, 0);
    push_library_meta(&request.command, &order);
    if (!call(target, &request)) {
        return false;
    }
    well = see_meta(target, request.reply);
    push_request_cleanup(&request);
    return well;
}

static void warn(void *data, const char *sentence)
{
    (void)data;
    fprintf(stderr, "push-import: %s\n", sentence);
}

/* As a node before it starts: settings of Redis, and the library's version. */
static bool meet(push_target_t *target)
{
    push_meeting_t meeting = {.redis = &target->redis,
                              .prefix = target->options->prefix,
                              .warn = warn};

    memcpy(meeting.check, target->check, sizeof(meeting.check));
    return push_cluster_meet(&meeting) || refuse(target, meeting.why);
}

bool push_target_open(push_target_t *target,
                      const push_import_options_t *options,
                      const uint64_t hash_key[2])
{
    *target = (push_target_t){.options = options};
    memcpy(target->hash_key, hash_key, sizeof(target->hash_key));
    return read_secret(target, options->secret) && read_urls(target)
           && connect_to(target) && get_meta(target) && meet(target)
           && lease(target);
}

void push_target_close(push_target_t *target)
{
    if (target->client) {
        if (target->owner != PUSH_OWNER_NOBODY) {
            give_back(target);
        }
        push_client_destroy(target->client);
    }
    if (target->redis.tls) {
        push_redis_tls_destroy(target->redis.tls);
    }
}
