#include "broker/node/followers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "broker/library/follow_calls.h"
#include "broker/node/load.h"
#include "broker/node/masters.h"
#include "broker/node/post.h"
#include "core/event.h"
#include "store/ops/follow_walk.h"

/*
 * The idea: a set of names, which a listener fills with a shard locked and the
 * saver's thread empties.  A claim says itself that a device comes, so of the
 * user's log only what happens without one is noted.
 */

#define ROWS      1024u
#define NAMES_MAX 65536u /* in a set; the rest is said by the next change */

typedef struct name_t {
    struct name_t *next;
    unsigned len;
    char text[];
} name_t;

struct push_followers_t {
    push_cluster_t *cluster;
    pthread_mutex_t lock;
    name_t *rows[ROWS]; /* with the lock */
    unsigned count;
};

static unsigned row_of(const push_log_name_t *log)
{
    uint32_t mix = 2166136261u;

    for (unsigned i = 0; i < log->len; i++) {
        mix = (mix ^ (unsigned char)log->text[i]) * 16777619u;
    }
    return (mix ^ mix >> 16) % ROWS;
}

/* With the lock. */
static bool has(const push_followers_t *followers, unsigned row,
                const push_log_name_t *log)
{
    const name_t *name = followers->rows[row];

    while (name
           && (name->len != log->len
               || memcmp(name->text, log->text, log->len))) {
        name = name->next;
    }
    return name != NULL;
}

static void note(push_followers_t *followers, char kind, push_text_t text)
{
    push_log_name_t log = push_log_name(kind, text);
    unsigned row = row_of(&log);
    name_t *name;

    pthread_mutex_lock(&followers->lock);
    if (followers->count < NAMES_MAX && !has(followers, row, &log)) {
        name = malloc(sizeof(*name) + log.len);
        if (name) {
            name->len = log.len;
            memcpy(name->text, log.text, log.len);
            name->next = followers->rows[row];
            followers->rows[row] = name;
            followers->count++;
        }
    }
    pthread_mutex_unlock(&followers->lock);
}

static void note_channels(push_followers_t *followers, const push_heap_t *heap,
                          const push_device_t *device)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);

    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        const push_log_t *log = push_subscription_log(heap, &subscriptions[i]);

        if (push_log_kind(log) == PUSH_LOG_BROADCAST) {
            note(followers, 'b', (push_text_t){"", 0});
        }
        else {
            note(followers, 'c',
                 push_channel_name((const push_channel_t *)log));
        }
    }
}

/* With the lock of the device's shard. */
static void tell(void *data, const push_event_t *event)
{
    push_followers_t *followers = data;
    const push_user_t *user = push_at(event->heap, event->device->user);

    if (event->kind == PUSH_EVENT_WENT) {
        note(followers, 'u', (push_text_t){user->name, user->name_len});
    }
    note_channels(followers, event->heap, event->device);
}

static push_listener_t listener_of(push_followers_t *followers)
{
    return (push_listener_t){.kinds = PUSH_EVENT_BIT(PUSH_EVENT_CAME)
                                      | PUSH_EVENT_BIT(PUSH_EVENT_WENT),
                             .tell = tell,
                             .data = followers};
}

push_followers_t *push_followers_start(push_cluster_t *cluster)
{
    push_followers_t *followers = calloc(1, sizeof(*followers));
    push_listener_t listener = listener_of(followers);

    if (!followers) {
        return NULL;
    }
    followers->cluster = cluster;
    pthread_mutex_init(&followers->lock, NULL);
    if (!push_events_listen(&cluster->store->events, &listener)) {
        pthread_mutex_destroy(&followers->lock);
        free(followers);
        return NULL;
    }
    return followers;
}

static name_t *take_row(push_followers_t *followers, unsigned row)
{
    name_t *names;

    pthread_mutex_lock(&followers->lock);
    names = followers->rows[row];
    followers->rows[row] = NULL;
    for (const name_t *name = names; name; name = name->next) {
        followers->count--;
    }
    pthread_mutex_unlock(&followers->lock);
    return names;
}

static void free_names(name_t *name)
{
    while (name) {
        name_t *next = name->next;

        free(name);
        name = next;
    }
}

void push_followers_stop(push_followers_t *followers)
{
    push_listener_t listener = listener_of(followers);

    push_events_ignore(&followers->cluster->store->events, &listener);
    for (unsigned i = 0; i < ROWS; i++) {
        free_names(take_row(followers, i));
    }
    pthread_mutex_destroy(&followers->lock);
    free(followers);
}

void push_followers_came_back(push_followers_t *followers, push_text_t user)
{
    if (followers) {
        note(followers, 'u', user);
    }
}

/* The courier's thread. */
static void said(push_post_t *post)
{
    push_follow_reply_t reply;

    if (post->request.failure == PUSH_FAILURE_NONE
        && push_follow_reply(post->request.reply, &reply)) {
        push_partition_counted(post->cluster->words,
                               post->request.command.partition,
                               &reply.followed);
    }
}

static void say(push_cluster_t *cluster, const name_t *name)
{
    push_text_t log = {name->text, name->len};
    unsigned partition = push_log_partition(cluster->store, log);
    push_follow_call_t call = {.home = push_cluster_home(cluster, partition),
                               .owner = push_cluster_owner(cluster),
                               .following = {.log = log},
                               .counts_only = true};
    push_follow_view_t view;
    push_post_t *post;

    if (call.owner == PUSH_OWNER_NOBODY
        || push_follow_read(cluster->store, log, &view) != PUSH_OK
        || view.state != PUSH_FOLLOW_LIVE) {
        return; /* a claim or a load says it, or nobody is there any more */
    }
    call.following.connected = view.connected;
    call.following.subscribers = view.subscribers;
    post = push_post_begin(cluster, partition);
    if (post) {
        push_library_follow(&post->request.command, &call);
        post->over = said;
        push_post_send(post);
    }
}

void push_followers_tell(push_followers_t *followers)
{
    push_cluster_t *cluster = followers->cluster;

    if (push_cluster_owner(cluster) == PUSH_OWNER_NOBODY) {
        return;
    }
    for (unsigned i = 0; i < ROWS; i++) {
        name_t *names = take_row(followers, i);

        for (const name_t *name = names; name; name = name->next) {
            say(cluster, name);
        }
        free_names(names);
    }
}
