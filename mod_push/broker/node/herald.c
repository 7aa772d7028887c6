#include "broker/node/herald.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "broker/node/kept.h"
#include "broker/node/publish.h"
#include "broker/relay/relay.h"
#include "redis/courier.h"
#include "redis/slots.h"
#include "store/disk/record.h"
#include "store/shm/thread.h"

/*
 * A master's VM knows in which of its partitions something is kept, and when
 * the first is due; one that began anew does not, nor does one that just got a
 * partition.  So those are unknown here, and looked at one by one.
 *
 * Why none is missed: who keeps one rings the bell unless somebody looks
 * before it is due.  While this thread is at work nobody is said to look; a
 * bell that is rung meanwhile ends the sleep that follows.
 */

#define POLL_MS  1000  /* between two looks at most */
#define IDLE_MS  250   /* whether this child has the link now */
#define AGAIN_MS 250   /* what another node was given, or Redis did not take */
#define ALL_MS   60000 /* all are looked at, should anything be missed */
#define LOT      32u   /* calls at once */
#define BYTES    (256u * 1024)
#define WORDS    (PUSH_PARTITIONS / 64)

struct push_herald_t {
    push_cluster_t *cluster;
    pthread_t thread;
    _Atomic bool stop;
    bool works;       /* this child had the link */
    int64_t all_next; /* mono ms */
    int64_t next;     /* ms from the look on: when to look again */
    uint8_t home[PUSH_PARTITIONS]; /* index of its master, + 1; 0: not known */
    char vm[PUSH_MASTERS][sizeof(((push_vm_t *)0)->id)]; /* "": not known */
    uint64_t unknown[WORDS];                             /* partitions */
    uint64_t due[WORDS];                                 /* likewise */
    uint64_t missed[WORDS]; /* likewise: unknown at the next look */
};

static push_later_words_t *words_of(const push_cluster_t *cluster)
{
    return &cluster->store->segment->later;
}

static void add(uint64_t *set, unsigned partition)
{
    set[partition / 64] |= UINT64_C(1) << partition % 64;
}

static void drop(uint64_t *set, unsigned partition)
{
    set[partition / 64] &= ~(UINT64_C(1) << partition % 64);
}

/* It is looked at again in so many ms at the latest. */
static void look_in(push_herald_t *herald, int64_t ms)
{
    if (ms < herald->next) {
        herald->next = ms > 0 ? ms : 0;
    }
}

/* ---- masters ---- */

static void is_another(push_herald_t *herald, unsigned master)
{
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        if (herald->home[i] == master + 1) {
            add(herald->unknown, i);
        }
    }
}

/* A partition that went to another master is that one's. */
static void take_next(push_herald_t *herald, unsigned master,
                      const push_later_next_t *next)
{
    unsigned partition;

    if (strcmp(herald->vm[master], next->vm.id) != 0) {
        memcpy(herald->vm[master], next->vm.id, sizeof(next->vm.id));
        is_another(herald, master);
    }
    for (unsigned i = 0; push_later_next_at(next, i, &partition); i++) {
        if (herald->home[partition] == master + 1) {
            add(herald->due, partition);
        }
    }
    if (next->first > next->now) {
        look_in(herald, next->first - next->now);
    }
}

static void ask(push_herald_t *herald, unsigned master, unsigned partition)
{
    push_cluster_t *cluster = herald->cluster;
    push_home_t home = push_cluster_home(cluster, partition);
    push_later_next_t next;
    push_request_t request;

    push_request_init(&request, partition);
    push_library_later_next(&request.command, &home, 0);
    if (push_courier_call(cluster->courier, &request) == PUSH_FAILURE_NONE
        && push_later_next_reply(request.reply, &next)) {
        take_next(herald, master, &next);
    }
    push_request_cleanup(&request);
}

static void find_homes(push_herald_t *herald)
{
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        unsigned master = push_courier_master(herald->cluster->courier, i);

        if (master < PUSH_MASTERS && herald->home[i] != master + 1) {
            herald->home[i] = (uint8_t)(master + 1);
            add(herald->unknown, i);
        }
    }
}

/* Each by the first of its partitions. */
static void ask_all(push_herald_t *herald)
{
    bool seen[PUSH_MASTERS] = {false};

    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        unsigned master = herald->home[i] - 1u;

        if (master < PUSH_MASTERS && !seen[master]) {
            seen[master] = true;
            ask(herald, master, i);
        }
    }
}

/* ---- what is due ---- */

/* One that is published now; its texts are in the reply that it came with. */
typedef struct {
    push_request_t request;
    push_publication_t publication;
    push_kept_shown_t room;
    bool sent, relayed;
} release_t;

static bool read_kept(const push_kept_t *kept, release_t *release)
{
    static const char key[9] = {PUSH_RECORD_MESSAGE};
    push_message_record_t record;

    if (!push_kept_read_shown(kept, &release->room, &release->publication)
        || !push_message_read((push_text_t){key, sizeof(key)}, kept->record,
                              &record)) {
        return false;
    }
    release->publication.spec.where = record.stored.where;
    release->publication.spec.content = record.stored.content;
    return true;
}

/* False: no memory. */
static bool fill(push_cluster_t *cluster, const push_kept_t *kept,
                 release_t *release)
{
    const push_publication_t *publication = &release->publication;
    const push_message_spec_t *spec = &publication->spec;
    unsigned partition = release->request.command.partition;
    char topic[PUSH_LIBRARY_TOPIC_ROOM];
    push_publish_call_t call = {
        .home = push_cluster_home(cluster, partition),
        .log = kept->log,
        .lane = spec->urgency,
        .topic = push_library_topic(spec->topic, spec->where, topic),
        .device = spec->device,
        .record = kept->record,
        .kept = kept->id};
    char *body;
    bool failed;

    push_node_limit(&cluster->store->limits, &publication->audience, &call);
    release->relayed = push_relay_fill(cluster->relay, publication, &call,
                                       &body, &failed);
    push_library_publish(&release->request.command, &call);
    free(body);
    return !failed;
}

static void send(push_cluster_t *cluster, unsigned partition,
                 const push_kept_t *kept, release_t *release)
{
    push_request_init(&release->request, partition);
    release->sent = read_kept(kept, release) && fill(cluster, kept, release);
    if (cluster->options.durability == PUSH_DURABILITY_COMMIT
        && release->publication.spec.ttl) {
        release->request.replicas = cluster->options.replicas;
    }
    if (release->sent) {
        push_courier_send(cluster->courier, &release->request);
    }
}

static void published(push_cluster_t *cluster, const release_t *release,
                      const push_publish_reply_t *reply)
{
    const push_publication_t *publication = &release->publication;
    const push_message_spec_t *spec = &publication->spec;
    unsigned partition = release->request.command.partition;

    push_node_count(cluster,
                    &(push_counted_t){.partition = partition,
                                      .kind = publication->audience.kind,
                                      .urgency = spec->urgency,
                                      .class = push_class_for(
                                          &cluster->store->classes,
                                          spec->content.event, spec->where),
                                      .bytes = spec->content.data.len});
    if (release->relayed) {
        push_relay_published(cluster->relay, partition, spec->urgency,
                             reply->fell);
    }
}

/* False: it is still there, and is tried again. */
static bool settle(push_cluster_t *cluster, release_t *release)
{
    push_publish_reply_t reply;
    bool over;

    if (!release->sent) {
        return false;
    }
    push_courier_wait(cluster->courier, &release->request);
    over = (release->request.failure == PUSH_FAILURE_NONE
            || release->request.failure == PUSH_FAILURE_REPLICAS)
           && push_publish_reply(release->request.reply, &reply);
    if (over && reply.outcome == PUSH_PUBLISHED_NEW) {
        published(cluster, release, &reply);
    }
    return over;
}

/* All that a partition gave, in its order; false: not all of it is over. */
static bool release_all(push_herald_t *herald, unsigned partition,
                        const push_reply_t *reply, unsigned count)
{
    release_t *releases = calloc(count, sizeof(*releases));
    bool over = releases != NULL;
    push_kept_t kept;

    for (unsigned i = 0; releases && i < count; i++) {
        if (!push_due_at(reply, i, &kept)) {
            kept = (push_kept_t){.state = PUSH_LATER_STATES};
        }
        send(herald->cluster, partition, &kept, &releases[i]);
    }
    for (unsigned i = 0; releases && i < count; i++) {
        over = settle(herald->cluster, &releases[i]) && over;
        push_request_cleanup(&releases[i].request);
    }
    free(releases);
    return over;
}

/* A partition is due again at once as long as there is progress. */
static void take_due(push_herald_t *herald, push_request_t *request)
{
    unsigned partition = request->command.partition;
    push_due_reply_t due;

    if (request->failure != PUSH_FAILURE_NONE
        || !push_due_reply(request->reply, &due)) {
        add(herald->missed, partition);
        look_in(herald, AGAIN_MS);
        return;
    }
    if (due.count
        && !release_all(herald, partition, request->reply, due.count)) {
        look_in(herald, AGAIN_MS);
        return;
    }
    if (due.count) {
        add(herald->due, partition);
    }
    else if (due.first) {
        look_in(herald, due.first > due.now ? due.first - due.now : AGAIN_MS);
    }
}

/* The next partitions that are to be looked at, LOT at most. */
static unsigned take_some(push_herald_t *herald, unsigned *partitions)
{
    unsigned count = 0;

    for (unsigned i = 0; i < PUSH_PARTITIONS && count < LOT; i++) {
        uint64_t bit = UINT64_C(1) << i % 64;

        if ((herald->unknown[i / 64] | herald->due[i / 64]) & bit) {
            drop(herald->unknown, i);
            drop(herald->due, i);
            partitions[count++] = i;
        }
    }
    return count;
}

static void look_at(push_herald_t *herald, const unsigned *partitions,
                    unsigned count)
{
    push_cluster_t *cluster = herald->cluster;
    push_request_t requests[LOT];

    for (unsigned i = 0; i < count; i++) {
        push_request_init(&requests[i], partitions[i]);
        push_library_due(&requests[i].command,
                         &(push_due_call_t){
                             .home = push_cluster_home(cluster, partitions[i]),
                             .owner = push_cluster_owner(cluster),
                             .count = LOT,
                             .bytes = BYTES});
        push_courier_send(cluster->courier, &requests[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        push_courier_wait(cluster->courier, &requests[i]);
        take_due(herald, &requests[i]);
        push_request_cleanup(&requests[i]);
    }
}

/* ---- the thread ---- */

static bool may_work(const push_herald_t *herald)
{
    const push_cluster_t *cluster = herald->cluster;

    return !atomic_load(&herald->stop) && atomic_load(&cluster->linked)
           && push_cluster_owner(cluster) != PUSH_OWNER_NOBODY
           && !push_segment_superseded(cluster->store->segment);
}

static void look(push_herald_t *herald, int64_t now)
{
    unsigned partitions[LOT], count;

    herald->next = POLL_MS;
    for (unsigned i = 0; i < WORDS; i++) {
        herald->unknown[i] |= herald->missed[i];
        herald->missed[i] = 0;
    }
    if (!herald->works || now >= herald->all_next) {
        memset(herald->home, 0, sizeof(herald->home));
        herald->all_next = now + ALL_MS;
    }
    herald->works = true;
    find_homes(herald);
    ask_all(herald);
    count = take_some(herald, partitions);
    while (count && may_work(herald)) {
        look_at(herald, partitions, count);
        count = take_some(herald, partitions);
    }
}

static void *run(void *data)
{
    push_herald_t *herald = data;
    push_later_words_t *words = words_of(herald->cluster);

    while (!atomic_load(&herald->stop)) {
        uint32_t seen = push_bell_read(&words->bell);

        if (!may_work(herald)) {
            herald->works = false;
            push_bell_wait(&words->bell, seen, IDLE_MS);
            continue;
        }
        atomic_store(&words->at, INT64_MAX);
        look(herald, push_clock_now().mono);
        atomic_store(&words->at, push_clock_now().wall + herald->next);
        push_bell_wait(&words->bell, seen, herald->next);
    }
    return NULL;
}

push_herald_t *push_herald_start(push_cluster_t *cluster)
{
    push_herald_t *herald = calloc(1, sizeof(*herald));

    if (!herald) {
        return NULL;
    }
    herald->cluster = cluster;
    if (!push_thread_start(&herald->thread, run, herald)) {
        free(herald);
        return NULL;
    }
    return herald;
}

void push_herald_stop(push_herald_t *herald)
{
    atomic_store(&herald->stop, true);
    push_bell_ring(&words_of(herald->cluster)->bell);
    pthread_join(herald->thread, NULL);
    free(herald);
}
