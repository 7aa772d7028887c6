#include "server/cluster.h"

#include <errno.h>
#include <http_log.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "broker/cluster/cluster.h"
#include "broker/local.h"
#include "broker/node/meet.h"
#include "http/runtime.h"
#include "redis/settings.h"
#include "server/config_cluster.h"
#include "server/relay.h"
#include "server/version.h"
#include "stream/loop/reactor.h"

APLOG_USE_MODULE(push);

#define SECRET_MIN 32u
#define SECRET_MAX 4096u

#define POLL_MS 20 /* for another child */

/* Set by the parent before it forks; read by the children. */
static push_redis_settings_t redis;
static push_cluster_options_t options;
static bool wanted;
static bool met;
static unsigned char hash_key[16];
static unsigned char tickets[PUSH_GUARD_SECRET];
static unsigned char names[EVP_MAX_MD_SIZE];

/* A child's own. */
static push_cluster_t own;

/* ---- settings ---- */

static bool refuse(server_rec *s, const char *what, const char *why)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, "PUSH0200: %s: %s", what, why);
    return false;
}

/* What is made of the secret for one purpose; nothing tells the secret. */
static void derive(const unsigned char *secret, size_t len,
                   const char *purpose, unsigned char *made, size_t size)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;

    HMAC(EVP_sha256(), secret, (int)len, (const unsigned char *)purpose,
         strlen(purpose), mac, &mac_len);
    memcpy(made, mac, size < mac_len ? size : mac_len);
}

static bool read_secret(server_rec *s, const char *path)
{
    unsigned char secret[SECRET_MAX];
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(secret, 1, sizeof(secret), file) : 0;
    char why[512];

    if (file) {
        fclose(file);
    }
    if (!file) {
        snprintf(why, sizeof(why), "%s cannot be read", path);
        return refuse(s, "PushClusterSecret", why);
    }
    if (len < SECRET_MIN || len == SECRET_MAX) {
        snprintf(why, sizeof(why), "%s must have 32 to 4095 bytes; it has %s",
                 path, len < SECRET_MIN ? "fewer" : "more");
        return refuse(s, "PushClusterSecret", why);
    }
    derive(secret, len, "mod_push check", options.check,
           sizeof(options.check));
    derive(secret, len, "mod_push tickets", tickets, sizeof(tickets));
    derive(secret, len, "mod_push names", names, 2 * sizeof(uint64_t));
    OPENSSL_cleanse(secret, sizeof(secret));
    return true;
}

/* Before the module is unloaded: nobody would know it any more. */
static apr_status_t free_tls(void *unused)
{
    (void)unused;
    push_redis_tls_destroy(redis.tls);
    redis.tls = NULL;
    return APR_SUCCESS;
}

static bool read_urls(server_rec *s, const push_cluster_settings_t *cluster)
{
    push_redis_tls_files_t files = {cluster->ca, cluster->cert, cluster->key};
    char why[PUSH_REDIS_WHY];

    free_tls(NULL);
    memset(&redis, 0, sizeof(redis));
    for (int i = 0; i < cluster->urls->nelts; i++) {
        if (!push_redis_settings_add(
                &redis, APR_ARRAY_IDX(cluster->urls, i, const char *), why)) {
            return refuse(s, "PushCluster", why);
        }
    }
    if (redis.urls[0].tls) {
        redis.tls = push_redis_tls_create(&files, why);
        if (!redis.tls) {
            return refuse(s, "PushClusterTLS", why);
        }
        apr_pool_cleanup_register(s->process->pconf, NULL, free_tls,
                                  apr_pool_cleanup_null);
    }
    else if (cluster->ca || cluster->cert || cluster->key) {
        return refuse(s, "PushClusterTLS",
                      "it needs a PushCluster of rediss://");
    }
    return true;
}

bool push_server_cluster_read(server_rec *s, const push_global_t *global)
{
    const push_cluster_settings_t *cluster = &global->cluster;

    wanted = cluster->urls != NULL;
    if (!wanted) {
        return true;
    }
    options = (push_cluster_options_t){
        .redis = &redis,
        .prefix = push_config_cluster_prefix_of(global),
        .url = cluster->url ? cluster->url : "",
        .version = PUSH_VERSION,
        .replicas = (unsigned)global->replicas,
        .linger = global->linger,
        .patience = global->patience,
        .durability = global->durability};
    return read_urls(s, cluster) && read_secret(s, cluster->secret)
           && push_server_relay_read(s, global);
}

bool push_server_cluster_check(server_rec *s, const push_global_t *global)
{
    return push_server_cluster_read(s, global);
}

bool push_server_cluster_wanted(void)
{
    return wanted;
}

/* ---- before the segment ---- */

static void warn(void *data, const char *sentence)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, (server_rec *)data,
                 "PUSH0201: PushCluster: %s", sentence);
}

bool push_server_cluster_meet(server_rec *s)
{
    push_meeting_t meeting = {
        .redis = &redis, .prefix = options.prefix, .warn = warn, .data = s};

    if (!wanted) {
        return true;
    }
    memcpy(meeting.check, options.check, sizeof(meeting.check));
    if (!push_cluster_meet(&meeting)) {
        return refuse(s, "PushCluster", meeting.why);
    }
    memcpy(hash_key, meeting.hash_key, sizeof(hash_key));
    met = true;
    return true;
}

const unsigned char *push_server_cluster_key(void)
{
    return wanted && met ? hash_key : NULL;
}

bool push_server_cluster_make(server_rec *s, push_guard_t *guard, void **words,
                              uint64_t *size)
{
    uint64_t key[2];
    void *made;

    *words = NULL;
    if (!wanted || !met) {
        return true;
    }
    made = mmap(NULL, sizeof(push_cluster_words_t), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED || !push_cluster_words_create(made)) {
        return refuse(s, "PushCluster",
                      "cannot make the shared memory of a node");
    }
    *words = made;
    *size = sizeof(push_cluster_words_t);
    memcpy(guard->secret, tickets, sizeof(guard->secret));
    memcpy(key, names, sizeof(key));
    push_guard_rekey(guard, key);
    return true;
}

/* ---- a child ---- */

static const struct {
    int level;
    const char *text;
} events[PUSH_CLUSTER_EVENTS] = {
    [PUSH_CLUSTER_TROUBLE] = {APLOG_NOTICE,
                              "PUSH0202: PushCluster: what a master has for "
                              "this node is not whole, "
                              "logs are asked for anew"},
    [PUSH_CLUSTER_AWAY] = {APLOG_ERR, "PUSH0203: PushCluster: no answer; what "
                                      "needs it is refused with 503"},
    [PUSH_CLUSTER_BACK] = {APLOG_NOTICE,
                           "PUSH0204: PushCluster: it answers again"},
    [PUSH_CLUSTER_REFUSED] = {APLOG_ERR,
                              "PUSH0205: PushCluster: Redis refuses: see the "
                              "user of PushCluster and its rights (ACL LOG of "
                              "Redis names what is missing)"},
    [PUSH_CLUSTER_NO_WRITES] =
        {APLOG_ERR,
         "PUSH0215: PushCluster: Redis takes no writes now (its memory, its "
         "disk, its replicas, or a script that runs); what needs them is "
         "refused with 503"},
    [PUSH_CLUSTER_UNREADABLE] =
        {APLOG_WARNING,
         "PUSH0206: PushCluster: a record of a newer version of the module "
         "is passed over here: upgrade this node"},
    [PUSH_CLUSTER_LEASE_LATE] =
        {APLOG_ERR,
         "PUSH0207: PushCluster: the number of this node could not be "
         "renewed"},
    [PUSH_CLUSTER_LEASED] = {APLOG_NOTICE,
                             "PUSH0208: PushCluster: this node is number"},
    [PUSH_CLUSTER_CROWDED] =
        {APLOG_ERR,
         "PUSH0209: PushCluster: there are 64 nodes already, one must be gone "
         "for a minute"},
    [PUSH_CLUSTER_FOREIGN] =
        {APLOG_CRIT,
         "PUSH0210: PushCluster: Redis has the data of another cluster "
         "(PushClusterPrefix, PushClusterSecret): "
         "restart this node fully"},
    [PUSH_CLUSTER_CUT_OFF] =
        {APLOG_ERR,
         "PUSH0212: PushCluster: Redis does not answer this node, but "
         "another one: streams are sent away (PushClusterPatience)"},
    [PUSH_CLUSTER_LEFT] = {APLOG_NOTICE,
                           "PUSH0213: PushCluster: this node ends, and has "
                           "given up its devices"},
    [PUSH_CLUSTER_LEFT_SOME] =
        {APLOG_WARNING,
         "PUSH0214: PushCluster: this node ends before it could give up all "
         "of its devices; the rest comes again as after a kill"},
    [PUSH_CLUSTER_OVERTOOK] =
        {APLOG_WARNING,
         "PUSH0216: PushCluster: the child that drains the inboxes of this "
         "node stands still; this one goes on"},
    [PUSH_CLUSTER_OVERTAKEN] = {
        APLOG_WARNING,
        "PUSH0217: PushCluster: this child stood still while it drained the "
        "inboxes of its node; another one does now"}};

static void report(void *data, push_cluster_event_t what, const char *detail)
{
    ap_log_error(APLOG_MARK, events[what].level, 0, (server_rec *)data,
                 "%s%s%s", events[what].text, *detail ? ": " : "", detail);
}

/* Clients come back by the balancer, which knows who is well. */
static void part(void)
{
    const push_runtime_t *runtime = push_runtime_own();

    for (unsigned i = 0; i < runtime->reactors_count; i++) {
        push_reactor_part(runtime->reactors[i]);
    }
}

void push_server_cluster_init(server_rec *s, push_store_t *store, void *words,
                              push_broker_t *broker)
{
    if (!words) {
        push_local_init(broker, store);
        return;
    }
    options.report = report;
    options.part = part;
    options.data = s;
    options.relay = push_server_relay_options(s);
    push_cluster_init(&own, store, words, &options, broker);
}

void push_server_cluster_start(server_rec *s)
{
    if (own.store && !push_cluster_start(&own)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s,
                     "PUSH0211: PushCluster: cannot start the threads of a "
                     "node: this child refuses what needs Redis");
    }
}

/* No process has a seat in the segment; one that died is none. */
static bool is_alone(const push_seats_t *seats)
{
    for (uint32_t i = 0; i < seats->count; i++) {
        if (!push_seat_vacant(&seats->seats[i])) {
            return false;
        }
    }
    return true;
}

/* And none comes soon. */
static bool is_last(const push_leave_t *leave)
{
    push_store_t *store = own.store;

    if (!leave) {
        return push_segment_superseded(store->segment)
               && is_alone(&store->seats);
    }
    while (is_alone(&store->seats)) {
        int64_t now = push_clock_now().mono;

        if (atomic_load(&leave->alone_until) <= now
            || atomic_load(&leave->until) <= now) {
            return true;
        }
        apr_sleep(apr_time_from_msec(POLL_MS));
    }
    return false;
}

void push_server_cluster_stop(const push_leave_t *leave)
{
    if (own.store) {
        push_cluster_stop(&own, is_last(leave));
    }
}
