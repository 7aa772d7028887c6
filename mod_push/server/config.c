#include "server/config.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/config_capture.h"
#include "server/config_cluster.h"
#include "server/config_endpoint.h"
#include "server/config_identity.h"
#include "server/config_observe.h"
#include "server/config_places.h"
#include "server/config_relay.h"
#include "server/config_trigger.h"
#include "server/config_trigger_to.h"
#include "server/config_value.h"
#include "core/moment.h"
#include "core/rate.h"
#include "http/identity/pattern.h"

APLOG_USE_MODULE(push);

#define UNSET (-1)

/* The unit of a number, and so how it is written. */
typedef enum {
    A_COUNT, /* digits */
    A_SIZE,  /* bytes; K, M, G */
    A_TIME   /* ms; with httpd's suffixes, else in the unit of the row */
} kind_t;

/* Every directive that takes one number. */
typedef struct {
    const char *name;
    kind_t kind;
    bool global;
    size_t field;
    int64_t fallback;
    int64_t least, most;
    const char *unit; /* of a time without suffix */
    const char *legal;
} number_t;

#define GLOBAL(field) true, offsetof(push_global_t, field)
#define LOCAL(field)  false, offsetof(push_settings_t, field)

#define SECONDS 1000LL
#define KIB     1024LL
#define MIB     (1024 * KIB)
#define GIB     (1024 * MIB)

static const number_t numbers[] = {
    {"PushShmSize", A_SIZE, GLOBAL(shm_size), 64 * MIB, 2 * MIB, 30 * GIB, "",
     "2M to 30G"},
    {"PushIdempotencyWindow", A_TIME, GLOBAL(idempotency), 300 * SECONDS,
     1 * SECONDS, 86400 * SECONDS, "s", "1s to 86400s"},
    {"PushReactors", A_COUNT, GLOBAL(reactors), 1, 1, 16, "", "1 to 16"},
    {"PushMaxBlockingStreams", A_COUNT, GLOBAL(max_blocking), 0, 0, 10000, "",
     "0 to 10000"},
    {"PushChannelHistory", A_COUNT, GLOBAL(history), 1000, 1, 1000000, "",
     "1 to 1000000"},
    {"PushMaxPending", A_COUNT, GLOBAL(max_pending), 1000, 1, 1000000, "",
     "1 to 1000000"},
    {"PushMaxChannels", A_COUNT, GLOBAL(max_channels), 0, 0, 10000000, "",
     "0 to 10000000"},
    {"PushDeviceRetention", A_TIME, GLOBAL(retention), 1800 * SECONDS,
     1 * SECONDS, 31536000 * SECONDS, "s", "1s to 31536000s"},
    {"PushDrainTime", A_TIME, GLOBAL(drain_time), 10 * SECONDS, 0,
     600 * SECONDS, "s", "0s to 600s"},
    {"PushEventsTTL", A_TIME, GLOBAL(events_ttl), 300 * SECONDS, 1 * SECONDS,
     86400 * SECONDS, "s", "1s to 86400s"},
    {"PushPositionAge", A_TIME, GLOBAL(position_age), 900 * SECONDS,
     1 * SECONDS, 86400 * SECONDS, "s", "1s to 86400s"},
    {"PushClusterReplicas", A_COUNT, GLOBAL(replicas), 0, 0, 5, "", "0 to 5"},
    {"PushClusterLinger", A_TIME, GLOBAL(linger), 30 * SECONDS, 0,
     3600 * SECONDS, "s", "0s to 3600s"},
    {"PushClusterPatience", A_TIME, GLOBAL(patience), 30 * SECONDS, 0,
     3600 * SECONDS, "s", "0s to 3600s"},
    {"PushRelayKeep", A_TIME, GLOBAL(relay_keep), 86400 * SECONDS, 1 * SECONDS,
     2592000 * SECONDS, "s", "1s to 2592000s"},
    {"PushRelayEntries", A_COUNT, GLOBAL(relay_entries), 100000, 1, 10000000,
     "", "1 to 10000000"},
    {"PushRelaySize", A_SIZE, GLOBAL(relay_size), 16 * MIB, 64 * KIB, 1 * GIB,
     "", "64K to 1G"},
    {"PushJWTMaxLifetime", A_TIME, GLOBAL(jwt_lifetime), 86400 * SECONDS,
     1 * SECONDS, 31536000 * SECONDS, "s", "1s to 31536000s"},
    {"PushJWTLeeway", A_TIME, LOCAL(jwt_leeway), 10 * SECONDS, 0,
     PUSH_LEEWAY_MAX, "s", "0s to 300s"},
    {"PushHeartbeat", A_TIME, LOCAL(heartbeat), 4 * SECONDS, 100,
     3600 * SECONDS, "s", "100ms to 3600s"},
    {"PushRetry", A_TIME, LOCAL(retry), 1000, 500, 600 * SECONDS, "ms",
     "500ms to 600s"},
    {"PushMaxInFlight", A_COUNT, LOCAL(max_in_flight), 1024, 1, 65536, "",
     "1 to 65536"},
    {"PushMaxWait", A_TIME, LOCAL(max_wait), 55 * SECONDS, 1 * SECONDS,
     600 * SECONDS, "s", "1s to 600s"},
    {"PushWriteTimeout", A_TIME, LOCAL(write_timeout), 20 * SECONDS,
     1 * SECONDS, 3600 * SECONDS, "s", "1s to 3600s"},
    {"PushMaxStreamsPerUser", A_COUNT, LOCAL(max_streams_user), 16, 1, 64, "",
     "1 to 64"},
    {"PushMaxDevicesPerUser", A_COUNT, LOCAL(max_devices_user), 64, 1, 64, "",
     "1 to 64"},
    {"PushMaxChannelsPerDevice", A_COUNT, LOCAL(max_channels_device), 64, 0,
     64, "", "0 to 64"},
    {"PushMaxChannelsPerUser", A_COUNT, LOCAL(max_channels_user), 256, 0, 4096,
     "", "0 to 4096"},
    {"PushMaxStreamsPerAddress", A_COUNT, LOCAL(max_streams_address), 0, 0,
     1000000, "", "0 to 1000000"},
    {"PushPublisherRate", A_COUNT, LOCAL(publisher_rate), 0, 0, PUSH_RATE_MAX,
     "", "0 to 1000000"},
    {"PushUserRate", A_COUNT, LOCAL(user_rate), 0, 0, PUSH_RATE_MAX, "",
     "0 to 1000000"},
    {"PushDefaultTTL", A_TIME, LOCAL(default_ttl), 300 * SECONDS, 0,
     31536000 * SECONDS, "s", "0s to 31536000s"},
    {"PushMaxTTL", A_TIME, LOCAL(max_ttl), 1800 * SECONDS, 1 * SECONDS,
     31536000 * SECONDS, "s", "1s to 31536000s"},
    {"PushMaxMessageSize", A_SIZE, LOCAL(max_message_size), 64 * KIB, 1,
     8 * MIB, "", "1 to 8M"}};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const number_t *find_number(const char *name)
{
    size_t i = 0;

    while (i < NUMBERS && strcasecmp(numbers[i].name, name)) {
        i++;
    }
    return i < NUMBERS ? &numbers[i] : NULL;
}

static int64_t *field_of(void *config, const number_t *number)
{
    return (int64_t *)(void *)((char *)config + number->field);
}

static void unset_numbers(void *config, bool global)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        if (numbers[i].global == global) {
            *field_of(config, &numbers[i]) = UNSET;
        }
    }
}

static void fill_numbers(void *config, bool global)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        int64_t *field = field_of(config, &numbers[i]);

        if (numbers[i].global == global && *field == UNSET) {
            *field = numbers[i].fallback;
        }
    }
}

/* ---- values ---- */

static bool parse_number(const number_t *number, const char *text,
                         int64_t *value)
{
    switch (number->kind) {
    case A_COUNT:
        return push_value_count(text, value);
    case A_SIZE:
        return push_value_size(text, value);
    default:
        return push_span_read(text, number->unit, value);
    }
}

/* ---- directives ---- */

static const char *check_context(const cmd_parms *cmd)
{
    return ap_check_cmd_context((cmd_parms *)(uintptr_t)cmd, GLOBAL_ONLY);
}

static void *global_of(const cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &push_module);
}

static void note_message_size(push_global_t *global, int64_t size)
{
    if (global->largest < size) {
        global->largest = size;
    }
}

static const char *set_number(cmd_parms *cmd, void *dir, const char *text)
{
    const number_t *number = find_number(cmd->cmd->name);
    const char *error = number->global ? check_context(cmd) : NULL;
    int64_t value;

    if (error) {
        return error;
    }
    if (!parse_number(number, text, &value) || value < number->least
        || value > number->most) {
        return apr_psprintf(cmd->pool, "%s must be from %s, not \"%s\"",
                            number->name, number->legal, text);
    }
    *field_of(number->global ? global_of(cmd) : dir, number) = value;
    if (number->field == offsetof(push_settings_t, max_message_size)
        && !number->global) {
        note_message_size(global_of(cmd), value);
    }
    return NULL;
}

/* auto, which the field has as 0, or a number from 1 to most. */
static const char *set_or_auto(const cmd_parms *cmd, const char *text,
                               int64_t *field, int64_t most)
{
    const char *error = check_context(cmd);

    if (error) {
        return error;
    }
    if (!strcasecmp(text, "auto")) {
        *field = 0;
        return NULL;
    }
    if (!push_value_count(text, field) || *field < 1 || *field > most) {
        return apr_psprintf(cmd->pool,
                            "%s must be auto or from 1 to %" APR_INT64_T_FMT
                            ", not \"%s\"",
                            cmd->cmd->name, most, text);
    }
    return NULL;
}

/* Within <PushTrigger> it says how often a request is tried. */
static const char *set_retry(cmd_parms *cmd, void *dir, const char *one,
                             const char *other)
{
    if (push_config_in_trigger(cmd)) {
        return push_config_attempts(cmd, one, other);
    }
    return other ? "PushRetry must be one time, from 500ms to 600s"
                 : set_number(cmd, dir, one);
}

static const char *set_max_streams(cmd_parms *cmd, void *dir, const char *text)
{
    push_global_t *global = global_of(cmd);

    (void)dir;
    return set_or_auto(cmd, text, &global->max_streams, 10000000);
}

static const char *set_max_publishers(cmd_parms *cmd, void *dir,
                                      const char *text)
{
    push_global_t *global = global_of(cmd);

    (void)dir;
    return set_or_auto(cmd, text, &global->max_publishers, 10000);
}

static const char *set_state_dir(cmd_parms *cmd, void *dir, const char *path,
                                 const char *size)
{
    push_global_t *global = global_of(cmd);
    const char *error = check_context(cmd);

    (void)dir;
    if (error) {
        return error;
    }
    global->state_dir = ap_server_root_relative(cmd->pool, path);
    if (!*path || !global->state_dir) {
        return apr_psprintf(cmd->pool,
                            "PushStateDir must be the path of a directory, "
                            "not \"%s\"",
                            path);
    }
    global->state_size = 1 * GIB;
    if (size
        && (!push_value_size(size, &global->state_size)
            || global->state_size < 1 * MIB
            || global->state_size > 1024 * GIB)) {
        return apr_psprintf(cmd->pool,
                            "PushStateDir: the size must be from 1M to 1024G, "
                            "not \"%s\"",
                            size);
    }
    return NULL;
}

static const char *set_durability(cmd_parms *cmd, void *dir, const char *text)
{
    static const char *const names[] = {
        [PUSH_DURABILITY_MEMORY] = "memory",
        [PUSH_DURABILITY_INTERVAL] = "interval",
        [PUSH_DURABILITY_COMMIT] = "commit"};
    push_global_t *global = global_of(cmd);
    const char *error = check_context(cmd);

    (void)dir;
    if (error) {
        return error;
    }
    for (int i = PUSH_DURABILITY_MEMORY; i <= PUSH_DURABILITY_COMMIT; i++) {
        if (!strcasecmp(text, names[i])) {
            global->durability = (push_durability_t)i;
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool,
                        "PushDurability must be commit, interval or memory, "
                        "not \"%s\"",
                        text);
}

static const char *add_channel(cmd_parms *cmd, void *dir, const char *text)
{
    push_settings_t *settings = dir;
    apr_array_header_t *channels;

    if (!push_pattern_valid(text)) {
        return apr_psprintf(cmd->pool,
                            "PushChannels must be names, prefix* or *, not "
                            "\"%s\"",
                            text);
    }
    channels = (apr_array_header_t *)(uintptr_t)settings->channels;
    if (!channels) {
        channels = apr_array_make(cmd->pool, 4, sizeof(const char *));
        settings->channels = channels;
    }
    APR_ARRAY_PUSH(channels, const char *) = text;
    return NULL;
}

#define NUMBER(name, where, help)                                             \
    AP_INIT_TAKE1(name, set_number, NULL, where, help)
#define ANYWHERE (RSRC_CONF | ACCESS_CONF)

const command_rec push_commands[] = {
    NUMBER("PushShmSize", RSRC_CONF, "size of the shared memory"),
    NUMBER("PushIdempotencyWindow", RSRC_CONF,
           "how long an Idempotency-Key is remembered"),
    NUMBER("PushReactors", RSRC_CONF, "threads for streams in a child"),
    AP_INIT_TAKE1("PushMaxStreams", set_max_streams, NULL, RSRC_CONF,
                  "streams in a child, or auto"),
    NUMBER("PushMaxBlockingStreams", RSRC_CONF,
           "HTTP/2 streams of a child, each holding a worker thread"),
    AP_INIT_TAKE1("PushMaxPublishers", set_max_publishers, NULL, RSRC_CONF,
                  "NDJSON requests of a child, each holding a worker thread, "
                  "or auto"),
    NUMBER("PushChannelHistory", RSRC_CONF, "messages kept by a channel"),
    NUMBER("PushMaxPending", RSRC_CONF, "pending messages of a mailbox"),
    NUMBER("PushMaxChannels", RSRC_CONF,
           "channels that subscribers bring into being; 0: by the memory"),
    NUMBER("PushDeviceRetention", RSRC_CONF,
           "how long a device that is away is remembered"),
    NUMBER("PushDrainTime", RSRC_CONF,
           "how long the streams of an ending child may look for another"),
    NUMBER("PushEventsTTL", RSRC_CONF, "TTL of what the server publishes"),
    AP_INIT_FLAG("PushPresence", push_config_presence, NULL, RSRC_CONF,
                 "whether it is told who comes and goes: on or off"),
    AP_INIT_FLAG("PushPositions", push_config_positions, NULL, RSRC_CONF,
                 "whether devices may say where they are: on or off"),
    NUMBER("PushPositionAge", RSRC_CONF,
           "when a position is too old to count"),
    AP_INIT_TAKE12("PushStateDir", set_state_dir, NULL, RSRC_CONF,
                   "directory of the state on disk, and how large it may be"),
    AP_INIT_TAKE1("PushDurability", set_durability, NULL, RSRC_CONF,
                  "when a message is on disk: commit, interval or memory"),
    AP_INIT_TAKE1("PushDashboard", push_config_dashboard, NULL, RSRC_CONF,
                  "directory of the page at <admin>/, or off"),
    AP_INIT_ITERATE("PushTrace", push_config_trace, NULL, RSRC_CONF,
                    "users of whose devices the last events are kept"),
    AP_INIT_ITERATE("PushMetricsEvents", push_config_event, NULL, RSRC_CONF,
                    "event types that are counted by name"),
    AP_INIT_TAKE1("PushEndpoint", push_config_endpoint, NULL, ACCESS_CONF,
                  "what the Location serves: subscribe or admin"),
    AP_INIT_TAKE1("PushUser", push_config_user, NULL, ANYWHERE,
                  "who a subscriber is: auth, jwt, query:NAME or expr=..."),
    AP_INIT_TAKE1("PushJWTKey", push_config_jwt_key, NULL, ANYWHERE,
                  "a file with the key of tokens: PEM, JWK or a secret"),
    AP_INIT_TAKE1("PushJWTKeys", push_config_jwt_key, NULL, ANYWHERE,
                  "a file with the keys of tokens: a JWK Set"),
    AP_INIT_TAKE1("PushJWTIssuer", push_config_jwt_issuer, NULL, ANYWHERE,
                  "who issues tokens (iss)"),
    AP_INIT_ITERATE("PushJWTAudience", push_config_jwt_audience, NULL,
                    ANYWHERE, "whom tokens are meant for (aud)"),
    NUMBER("PushJWTLeeway", ANYWHERE, "how far clocks may differ"),
    NUMBER("PushJWTMaxLifetime", RSRC_CONF, "how long a token may be valid"),
    AP_INIT_TAKE1("PushJWTCookie", push_config_jwt_cookie, NULL, ANYWHERE,
                  "a cookie that may bring a token"),
    AP_INIT_ITERATE("PushJWTClaim", push_config_jwt_claim, NULL, ANYWHERE,
                    "names of claims: user=, channels=, publish=, admin="),
    AP_INIT_ITERATE("PushChannels", add_channel, NULL, ANYWHERE,
                    "channels that may be subscribed"),
    AP_INIT_ITERATE("PushAllowOrigin", push_config_origin, NULL, ANYWHERE,
                    "origins of pages that may subscribe"),
    NUMBER("PushHeartbeat", ANYWHERE, "silence before a heartbeat"),
    AP_INIT_TAKE12("PushRetry", set_retry, NULL, ANYWHERE,
                   "mean delay of a reconnect; of a trigger: attempts=, age="),
    NUMBER("PushMaxInFlight", ANYWHERE, "unacknowledged messages"),
    NUMBER("PushMaxWait", ANYWHERE, "how long a poll may wait"),
    NUMBER("PushWriteTimeout", ANYWHERE,
           "how long a client may take no bytes"),
    NUMBER("PushMaxStreamsPerUser", ANYWHERE, "open streams of one user"),
    NUMBER("PushMaxDevicesPerUser", ANYWHERE, "device contexts of one user"),
    NUMBER("PushMaxChannelsPerDevice", ANYWHERE,
           "channels that one device follows"),
    NUMBER("PushMaxChannelsPerUser", ANYWHERE,
           "channels that the devices of one user follow"),
    NUMBER("PushMaxStreamsPerAddress", ANYWHERE,
           "open streams of one address; 0: any number"),
    NUMBER("PushPublisherRate", ANYWHERE,
           "publishes a second of one publisher; 0: any number"),
    NUMBER("PushUserRate", ANYWHERE,
           "messages a second to one user; 0: any number"),
    NUMBER("PushDefaultTTL", ANYWHERE, "TTL of a message that gives none"),
    NUMBER("PushMaxTTL", ANYWHERE, "longest TTL that is granted"),
    NUMBER("PushMaxMessageSize", ANYWHERE, "largest payload"),
    AP_INIT_TAKE1("PushCapture", push_config_capture, NULL, ANYWHERE,
                  "what of answers is published: off, headers, tee, consume"),
    AP_INIT_ITERATE("PushCaptureAllow", push_config_capture_allow, NULL,
                    ANYWHERE, "for whom answers may have messages"),
    AP_INIT_TAKE2("PushGripKey", push_config_grip_key, NULL, ANYWHERE,
                  "issuer and key file of Grip-Sig"),
    AP_INIT_FLAG("PushCaptureOnce", push_config_capture_once, NULL, ANYWHERE,
                 "whether the same answer to a GET is published once"),
    AP_INIT_ITERATE("PushCluster", push_config_cluster, NULL, RSRC_CONF,
                    "URLs of Redis, which the nodes of a cluster share"),
    AP_INIT_TAKE1("PushClusterSecret", push_config_cluster_secret, NULL,
                  RSRC_CONF, "a file that all nodes of the cluster have"),
    AP_INIT_TAKE1("PushClusterPrefix", push_config_cluster_prefix, NULL,
                  RSRC_CONF, "how all keys of the cluster begin"),
    AP_INIT_TAKE1("PushClusterUrl", push_config_cluster_url, NULL, RSRC_CONF,
                  "where this node is found by administrators"),
    AP_INIT_ITERATE("PushClusterTLS", push_config_cluster_tls, NULL, RSRC_CONF,
                    "files for rediss: ca=, cert=, key="),
    NUMBER("PushClusterReplicas", RSRC_CONF,
           "replicas that have a message before it is accepted"),
    NUMBER("PushClusterLinger", RSRC_CONF,
           "how long a device that is away stays with its node"),
    NUMBER("PushClusterPatience", RSRC_CONF,
           "how long a node without Redis keeps its streams"),
    AP_INIT_TAKE_ARGV("PushRelay", push_config_relay, NULL, RSRC_CONF,
                      "where another region takes what is published here"),
    AP_INIT_RAW_ARGS("<PushTrigger", push_config_trigger, NULL, RSRC_CONF,
                     "a rule: which events, to whom, what is asked for it"),
    AP_INIT_TAKE12("PushWhen", push_config_when, NULL, RSRC_CONF,
                   "the events of a trigger, as an expression"),
    AP_INIT_TAKE_ARGV("PushTo", push_config_to, NULL, RSRC_CONF,
                      "for whom a trigger is: user, channel or broadcast"),
    AP_INIT_TAKE_ARGV("PushPull", push_config_request, NULL, RSRC_CONF,
                      "a URL whose answer a trigger publishes"),
    AP_INIT_TAKE_ARGV("PushPost", push_config_request, NULL, RSRC_CONF,
                      "a URL that a trigger posts its events to"),
    AP_INIT_ITERATE("PushMessage", push_config_message, NULL, RSRC_CONF,
                    "what a trigger publishes: urgency=, ttl=, topic=, "
                    "event="),
    AP_INIT_TAKE12("PushCoalesce", push_config_coalesce, NULL, RSRC_CONF,
                   "events of a trigger of which the newest is enough"),
    AP_INIT_TAKE1("PushRate", push_config_rate, NULL, RSRC_CONF,
                  "requests of a trigger a second"),
    AP_INIT_TAKE12("PushEvery", push_config_every, NULL, RSRC_CONF,
                   "how often a trigger pulls of itself"),
    AP_INIT_TAKE1("PushAt", push_config_at, NULL, RSRC_CONF,
                  "when a trigger pulls of itself: five fields of cron"),
    NUMBER("PushRelayKeep", RSRC_CONF,
           "how long a message waits for another region"),
    NUMBER("PushRelayEntries", RSRC_CONF,
           "messages of a partition that wait for a region"),
    NUMBER("PushRelaySize", RSRC_CONF,
           "bytes of a partition that wait for a region"),
    {NULL}};

/* ---- configurations ---- */

void *push_config_create_server(apr_pool_t *pool, server_rec *s)
{
    push_global_t *global = apr_pcalloc(pool, sizeof(*global));

    (void)s;
    unset_numbers(global, true);
    return global;
}

void *push_config_create_dir(apr_pool_t *pool, char *dir)
{
    push_settings_t *settings = apr_pcalloc(pool, sizeof(*settings));

    (void)dir;
    unset_numbers(settings, false);
    return settings;
}

void *push_config_merge_dir(apr_pool_t *pool, void *base, void *add)
{
    push_settings_t *merged = apr_pmemdup(pool, base, sizeof(*merged));
    push_settings_t *inner = add;

    for (size_t i = 0; i < NUMBERS; i++) {
        if (!numbers[i].global && *field_of(inner, &numbers[i]) != UNSET) {
            *field_of(merged, &numbers[i]) = *field_of(inner, &numbers[i]);
        }
    }
    if (inner->user_kind != PUSH_USER_UNSET) {
        merged->user_kind = inner->user_kind;
        merged->user_parameter = inner->user_parameter;
        merged->user_expr = inner->user_expr;
    }
    if (inner->channels) {
        merged->channels = inner->channels;
    }
    if (inner->origins) {
        merged->origins = inner->origins;
    }
    if (inner->dashboard) {
        merged->dashboard = inner->dashboard;
    }
    if (inner->endpoint) {
        merged->endpoint = inner->endpoint;
    }
    push_config_jwt_merge(&merged->jwt, &inner->jwt);
    push_config_capture_merge(&merged->capture, &inner->capture);
    return merged;
}

const push_global_t *push_config_global(const server_rec *s)
{
    push_global_t *global = ap_get_module_config(s->module_config,
                                                 &push_module);

    fill_numbers(global, true);
    if (global->durability == PUSH_DURABILITY_UNSET) {
        global->durability = global->state_dir || global->cluster.urls
                                 ? PUSH_DURABILITY_INTERVAL
                                 : PUSH_DURABILITY_MEMORY;
    }
    return global;
}

void push_config_defaults(server_rec *main)
{
    push_global_t *global = ap_get_module_config(main->module_config,
                                                 &push_module);

    for (server_rec *s = main; s; s = s->next) {
        push_settings_t *settings = ap_get_module_config(s->lookup_defaults,
                                                         &push_module);
        const push_global_t *inner = ap_get_module_config(s->module_config,
                                                          &push_module);

        fill_numbers(settings, false);
        note_message_size(global, settings->max_message_size);
        note_message_size(global, inner->largest);
    }
}
