#include "broker/node/meet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "redis/client_call.h"

/* For each question; the first one also connects, and loads the library. */
#define ANSWER_MS 5000

typedef struct {
    push_meeting_t *meeting;
    push_client_t *client;
    char trouble[256]; /* the last one that the client had */
    bool refused;      /* that was SETUP */
    push_failure_t failure;
} talk_t;

/* ---- the client's hooks ---- */

static void fill_library(void *data, push_command_t *command)
{
    (void)data;
    push_library_load(command, command->partition, false);
}

static void on_trouble(void *data, const push_redis_trouble_t *trouble)
{
    talk_t *talk = data;
    char address[PUSH_REDIS_ADDRESS_TEXT];

    if (trouble->failure != PUSH_FAILURE_NONE) {
        talk->refused = trouble->failure == PUSH_FAILURE_SETUP;
        snprintf(talk->trouble, sizeof(talk->trouble), "%s: %s",
                 trouble->address
                     ? push_address_format(trouble->address, address)
                     : "no node",
                 trouble->text ? trouble->text : "");
    }
}

/* ---- one question ---- */

static const char *advice_of(push_failure_t failure)
{
    switch (failure) {
    case PUSH_FAILURE_AWAY:
    case PUSH_FAILURE_AGAIN:
        return "Redis cannot be reached, or is not ready; see PushCluster and "
               "PushClusterTLS";
    case PUSH_FAILURE_SETUP:
        return "Redis refuses this node, or is older than 7.0: see the URL, "
               "user and password of PushCluster, PushClusterTLS, and "
               "conf/examples/redis-push.acl (ACL LOG of Redis names a right "
               "that is missing)";
    case PUSH_FAILURE_LIBRARY:
        return "the function library cannot be loaded: Redis must be 7.0 or "
               "later, and the user needs +function|load";
    case PUSH_FAILURE_FULL:
        return "Redis has no memory left (maxmemory)";
    case PUSH_FAILURE_REFUSED:
        return "Redis takes no writes (replicas, disk, or a script that "
               "runs)";
    default:
        return "Redis did not answer as it should";
    }
}

static void note_failure(talk_t *talk, const push_request_t *request)
{
    push_text_t error = push_reply_text(request->reply);
    bool refused = request->failure == PUSH_FAILURE_AWAY && talk->refused;

    talk->failure = request->failure;
    snprintf(talk->meeting->why, sizeof(talk->meeting->why), "%s%s%.*s%s%s",
             advice_of(refused ? PUSH_FAILURE_SETUP : request->failure),
             error.len ? ": " : "", (int)error.len, error.len ? error.at : "",
             talk->trouble[0] ? "; " : "", talk->trouble);
}

/* True: there is an answer, which may be of any kind but an error. */
static bool ask(talk_t *talk, push_request_t *request)
{
    request->deadline = push_redis_now() + ANSWER_MS;
    push_client_call(talk->client, request);
    if (request->failure != PUSH_FAILURE_NONE) {
        note_failure(talk, request);
    }
    return request->failure == PUSH_FAILURE_NONE;
}

static push_home_t home_of(const talk_t *talk, unsigned partition)
{
    const char *prefix = talk->meeting->prefix;

    return (push_home_t){{prefix, (uint32_t)strlen(prefix)}, partition};
}

/* ---- one master ---- */

/* Some partition of the master; there is one. */
static unsigned partition_of(const talk_t *talk, unsigned master)
{
    const push_slots_t *slots = push_client_slots(talk->client);
    unsigned i = 0;

    while (i < PUSH_PARTITIONS - 1 && slots->master_of[i] != master) {
        i++;
    }
    return i;
}

static bool load_newer(talk_t *talk, unsigned master)
{
    push_request_t request;
    bool well;

    push_request_init(&request, partition_of(talk, master));
    request.master = (int)master;
    push_library_load(&request.command, request.command.partition, true);
    well = ask(talk, &request);
    push_request_cleanup(&request);
    return well;
}

static bool check_library(talk_t *talk, unsigned master)
{
    push_home_t home = home_of(talk, partition_of(talk, master));
    push_hello_reply_t hello = {0};
    push_request_t request;
    bool well;

    push_request_init(&request, home.partition);
    push_library_hello(&request.command, &home);
    well = ask(talk, &request)
           && push_library_hello_reply(request.reply, &hello);
    push_request_cleanup(&request);
    return well
           && (!push_library_older(hello.vm.version)
               || load_newer(talk, master));
}

/* The value of a setting, or an empty text. */
static push_text_t setting_of(const push_reply_t *reply, const char *name)
{
    for (unsigned i = 0; i + 1 < push_reply_count(reply); i += 2) {
        push_text_t each = push_reply_text(push_reply_at(reply, i));

        if (each.len == strlen(name) && !memcmp(each.at, name, each.len)) {
            return push_reply_text(push_reply_at(reply, i + 1));
        }
    }
    return (push_text_t){"", 0};
}

static bool is_word(push_text_t text, const char *word)
{
    return text.len == strlen(word) && !memcmp(text.at, word, text.len);
}

static void warn_of(const talk_t *talk, const char *sentence)
{
    talk->meeting->warn(talk->meeting->data, sentence);
}

static void warn_of_listpacks(const talk_t *talk, const push_reply_t *reply,
                              const char *name)
{
    push_text_t value = setting_of(reply, name);
    char text[160], number[24] = "";

    memcpy(number, value.at, value.len < 23 ? value.len : 23);
    if (value.len && atol(number) < 1024) {
        snprintf(text, sizeof(text),
                 "Redis has %s %s: small logs take up to four times the "
                 "memory; set it to 1024",
                 name, number);
        warn_of(talk, text);
    }
}

static bool see_settings(talk_t *talk, const push_reply_t *reply)
{
    push_text_t policy = setting_of(reply, "maxmemory-policy");

    if (policy.len && !is_word(policy, "noeviction")) {
        snprintf(talk->meeting->why, sizeof(talk->meeting->why),
                 "Redis has maxmemory-policy %.*s, by which it would forget "
                 "messages and devices: set it to noeviction",
                 (int)policy.len, policy.at);
        return false;
    }
    warn_of_listpacks(talk, reply, "zset-max-listpack-value");
    warn_of_listpacks(talk, reply, "hash-max-listpack-value");
    if (is_word(setting_of(reply, "latency-tracking"), "yes")) {
        warn_of(talk, "Redis has latency-tracking yes, which costs a part of "
                      "each call; set it to no");
    }
    return true;
}

/* Where CONFIG may not be read, nothing is known, and that is said. */
static bool check_settings(talk_t *talk, unsigned master)
{
    static const char *const words[] = {
        "CONFIG",           "GET",
        "maxmemory-policy", "zset-max-listpack-value",
        "latency-tracking", "hash-max-listpack-value"};
    push_request_t request;
    bool well = true;

    push_request_init(&request, partition_of(talk, master));
    request.master = (int)master;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        push_command_string(&request.command, words[i]);
    }
    if (ask(talk, &request)) {
        well = see_settings(talk, request.reply);
    }
    else if (talk->failure == PUSH_FAILURE_SETUP
             || talk->failure == PUSH_FAILURE_ERROR) {
        warn_of(talk, "the settings of Redis cannot be read (+config|get): "
                      "maxmemory-policy must be noeviction");
    }
    else {
        well = false;
    }
    push_request_cleanup(&request);
    return well;
}

/* ---- what all nodes share ---- */

static bool get_meta(talk_t *talk)
{
    push_meeting_t *meeting = talk->meeting;
    push_meta_call_t call = {.home = home_of(talk, 0)};
    push_meta_reply_t meta;
    push_request_t request;
    bool well;

    if (getrandom(call.hash_key, sizeof(call.hash_key), 0)
        != sizeof(call.hash_key)) {
        snprintf(meeting->why, sizeof(meeting->why), "no random numbers");
        return false;
    }
    memcpy(call.check, meeting->check, sizeof(call.check));
    push_request_init(&request, 0);
    push_library_meta(&request.command, &call);
    well = ask(talk, &request);
    if (well && !push_meta_reply(request.reply, &meta)) {
        snprintf(meeting->why, sizeof(meeting->why),
                 "what Redis has at PushClusterPrefix is no cluster's");
        well = false;
    }
    if (well && memcmp(meta.check, meeting->check, sizeof(meta.check))) {
        snprintf(meeting->why, sizeof(meeting->why),
                 "PushClusterSecret is another one than that of the cluster: "
                 "all nodes need the same file");
        well = false;
    }
    if (well) {
        memcpy(meeting->hash_key, meta.hash_key, sizeof(meta.hash_key));
    }
    push_request_cleanup(&request);
    return well;
}

static bool check_masters(talk_t *talk)
{
    const push_slots_t *slots = push_client_slots(talk->client);

    for (unsigned i = 0; i < slots->end; i++) {
        if (slots->masters[i].partitions
            && !(check_settings(talk, i) && check_library(talk, i))) {
            return false;
        }
    }
    return true;
}

bool push_cluster_meet(push_meeting_t *meeting)
{
    talk_t talk = {.meeting = meeting};
    push_client_hooks_t hooks = {
        .data = &talk, .library = fill_library, .trouble = on_trouble};
    bool well;

    meeting->why[0] = '\0';
    talk.client = push_client_create(meeting->redis, &hooks);
    if (!talk.client) {
        snprintf(meeting->why, sizeof(meeting->why), "no memory");
        return false;
    }
    /* The first answer makes the map known. */
    well = get_meta(&talk) && check_masters(&talk);
    push_client_destroy(talk.client);
    return well;
}
