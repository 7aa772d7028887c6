#include "broker/node/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "broker/node/anew.h"
#include "broker/node/inbox.h"
#include "broker/node/lease.h"
#include "broker/node/masters.h"
#include "broker/node/steward.h"
#include "broker/node/trouble.h"
#include "broker/node/yield.h"
#include "redis/client.h"
#include "redis/wakes.h"
#include "store/shm/thread.h"

/*
 * One poll loop over a client, the wakes and an eventfd.  Each master has at
 * most one drain under way; what its reply says is applied in done(), before
 * the next one is sent.
 *
 * A child that was stopped looks whether it has the lead before it goes on.  If
 * it was stopped while it wrote, it may write a last thing over what another one
 * knows better: logs are fenced by the locks of their shards (store/ops/apply.c),
 * and for all else it says that it disturbed; then inboxes begin anew.
 */

#define TRY_MS   250  /* how often a child that has not the link tries */
#define DRAIN_MS 1000 /* the inbox is drained though nothing woke us */
#define RETRY_MS 250  /* after a failure */

/* A request of the link that comes again and again. */
typedef struct {
    struct push_link_t *link;
    push_request_t request;
    unsigned master;    /* index in the map */
    unsigned words;     /* index in the words */
    unsigned partition; /* that the drain under way was asked with */
    unsigned owner;     /* whose inbox that is */
    int64_t next;       /* push_redis_now(); when the next one is due */
    bool busy;          /* one is under way */
    bool woken;         /* since it was sent */
    bool deaf;          /* the master refuses to wake us; that was said */
} drain_t;

struct push_link_t {
    push_cluster_t *cluster;
    pthread_t thread;
    int event; /* rung to stop */
    _Atomic bool stop;
    /* ---- the thread's, while it works ---- */
    push_client_t *client;
    push_wakes_t *wakes; /* NULL: this node has no number */
    uint32_t version;    /* of the map that is followed */
    drain_t drains[PUSH_MASTERS];
    drain_t lease;
    bool late;    /* that it is was said */
    drain_t load; /* of the library, where a master has an older one */
    push_lead_ref_t lead;
    push_lead_try_t seen; /* while another child has it */
};

static void report(push_link_t *link, push_cluster_event_t what,
                   const char *detail)
{
    push_cluster_options_t *options = &link->cluster->options;

    options->report(options->data, what, detail);
}

/* ---- the library ---- */

static void fill_library(void *data, push_command_t *command)
{
    (void)data;
    push_library_load(command, command->partition, false);
}

static void loaded(push_request_t *request)
{
    drain_t *load = request->data;

    push_request_cleanup(request);
    load->busy = false;
    load->next = push_redis_now() + DRAIN_MS;
}

/* A newer node's library replaces an older one, never the other way. */
static void replace_library(push_link_t *link, unsigned master,
                            unsigned version)
{
    drain_t *load = &link->load;

    if (!push_library_older(version) || load->busy
        || push_redis_now() < load->next) {
        return;
    }
    load->busy = true;
    push_request_init(&load->request, 0);
    push_library_load(&load->request.command, 0, true);
    load->request.master = (int)master;
    load->request.done = loaded;
    load->request.data = load;
    push_client_send(link->client, &load->request);
}

/* ---- drains ---- */

static bool is_home(const push_slots_t *slots, unsigned partition,
                    unsigned master)
{
    return slots->master_of[partition] == master;
}

/* Another one each time, first those whose data we know by its epoch. */
static unsigned pick_partition(const push_link_t *link, const drain_t *drain)
{
    const push_slots_t *slots = push_client_slots(link->client);
    const push_cluster_words_t *words = link->cluster->words;
    unsigned any = PUSH_PARTITIONS;

    for (unsigned i = 1; i <= PUSH_PARTITIONS; i++) {
        unsigned partition = (drain->partition + i) % PUSH_PARTITIONS;

        if (!is_home(slots, partition, drain->master)) {
            continue;
        }
        if (atomic_load(&words->epochs[partition])) {
            return partition;
        }
        any = any == PUSH_PARTITIONS ? partition : any;
    }
    return any;
}

static void drained(push_request_t *request)
{
    drain_t *drain = request->data;
    push_link_t *link = drain->link;
    push_drain_reply_t reply;
    int64_t wait = RETRY_MS;

    if (drain->owner != push_cluster_owner(link->cluster)) {
        wait = 0; /* we have another inbox now, with other numbers */
    }
    else if (request->failure == PUSH_FAILURE_NONE
             && push_drain_reply(request->reply, &reply)) {
        if (push_inbox_take(link->cluster, drain->words, drain->partition,
                            &reply)) {
            push_client_renew(link->client); /* a partition may have moved */
        }
        replace_library(link, drain->master, reply.origin.vm.version);
        /* Only an inbox that was found empty wakes us for what comes next. */
        wait = reply.last >= reply.first || drain->woken ? 0 : DRAIN_MS;
    }
    push_request_cleanup(request);
    drain->busy = false;
    drain->next = push_redis_now() + wait;
}

static void send_drain(push_link_t *link, drain_t *drain)
{
    push_cluster_t *cluster = link->cluster;
    push_master_words_t *words = &cluster->words->masters[drain->words];
    unsigned partition = pick_partition(link, drain);

    if (partition == PUSH_PARTITIONS) {
        return;
    }
    drain->partition = partition;
    drain->owner = push_cluster_owner(cluster);
    drain->busy = true;
    drain->woken = false;
    push_request_init(&drain->request, partition);
    push_library_drain(
        &drain->request.command,
        &(push_drain_call_t){.home = push_cluster_home(cluster, partition),
                             .owner = drain->owner,
                             .vm = words->vm,
                             .have = atomic_load(&words->have)});
    drain->request.master = (int)drain->master;
    drain->request.done = drained;
    drain->request.data = drain;
    push_client_send(link->client, &drain->request);
}

static void drain_due(push_link_t *link)
{
    const push_slots_t *slots = push_client_slots(link->client);
    int64_t now = push_redis_now();

    if (!link->wakes) {
        return;
    }
    for (unsigned i = 0; i < slots->end; i++) {
        drain_t *drain = &link->drains[i];

        if (slots->masters[i].partitions && !drain->busy
            && drain->next <= now) {
            send_drain(link, drain);
        }
    }
}

/* ---- wakes ---- */

static void drain_at_once(push_link_t *link, unsigned master)
{
    link->drains[master].woken = true;
    link->drains[master].next = 0;
}

static void on_woken(void *data, unsigned master)
{
    drain_at_once(data, master);
}

/* The master is away from its partitions' channels: they are to be found. */
static void on_moved(void *data, unsigned master, unsigned partition)
{
    push_link_t *link = data;

    (void)master;
    push_partition_suspected(link->cluster->words, partition);
    push_steward_wake(link->cluster->steward);
    push_client_renew(link->client);
}

static void on_subscribed(void *data, unsigned master)
{
    push_link_t *link = data;

    if (link->drains[master].deaf) {
        link->drains[master].deaf = false;
        report(link, PUSH_CLUSTER_BACK, "subscriptions");
    }
    drain_at_once(link, master);
}

/* Wakes that came meanwhile are replaced by the drain at `subscribed`.  Where
 * we may not subscribe, messages are as late as a drain comes by itself. */
static void on_lost(void *data, unsigned master, const char *why)
{
    push_text_t text = {why, (uint32_t)strlen(why)};
    push_link_t *link = data;

    if (!link->drains[master].deaf
        && push_failure_of(text) == PUSH_FAILURE_SETUP) {
        link->drains[master].deaf = true;
        report(link, PUSH_CLUSTER_REFUSED, why);
    }
}

/* Who was forced out may have been said where the partition was before. */
static void write_moved(push_link_t *link, const uint8_t *before)
{
    const push_cluster_words_t *words = link->cluster->words;

    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        if (before[i] && before[i] != words->home[i]) {
            push_anew(link->cluster->words, i);
        }
    }
}

static void follow_map(push_link_t *link)
{
    uint8_t before[PUSH_CLUSTER_PARTITIONS];
    const push_slots_t *slots = push_client_slots(link->client);

    if (!slots->known || slots->version == link->version) {
        return;
    }
    link->version = slots->version;
    memcpy(before, link->cluster->words->home, sizeof(before));
    if (push_masters_follow(link->cluster->words, slots)) {
        write_moved(link, before);
        push_steward_wake(link->cluster->steward);
    }
    for (unsigned i = 0; i < slots->end; i++) {
        if (slots->masters[i].partitions) {
            link->drains[i].words = push_masters_index(
                link->cluster->words, slots, &slots->masters[i].address);
            drain_at_once(link, i);
        }
    }
    if (link->wakes) {
        push_wakes_follow(link->wakes, slots);
    }
}

/* For the number that this node has now. */
static void make_wakes(push_link_t *link)
{
    push_cluster_t *cluster = link->cluster;
    unsigned owner = push_cluster_owner(cluster);
    push_wakes_options_t options = {.settings = cluster->options.redis,
                                    .prefix = cluster->options.prefix,
                                    .owner = owner,
                                    .hooks = {.data = link,
                                              .woken = on_woken,
                                              .subscribed = on_subscribed,
                                              .lost = on_lost,
                                              .moved = on_moved}};

    if (link->wakes) {
        push_wakes_destroy(link->wakes);
        link->wakes = NULL;
    }
    if (owner != PUSH_OWNER_NOBODY) {
        link->wakes = push_wakes_create(&options);
        link->version = 0;
    }
}

/* ---- the lease ---- */

static void leased(push_request_t *request)
{
    drain_t *lease = request->data;
    push_link_t *link = lease->link;
    push_lease_reply_t *reply = malloc(sizeof(*reply));
    int64_t wait = RETRY_MS;

    if (reply && request->failure == PUSH_FAILURE_NONE
        && push_lease_reply(request->reply, reply)) {
        wait = PUSH_LEASE_EVERY_MS;
        if (push_lease_take(link->cluster, reply)) {
            lease->woken = true; /* the wakes are made after this turn */
            /* What is the node's by another number is found out by that. */
            push_anew_all(link->cluster->words);
            push_steward_wake(link->cluster->steward);
            wait = push_cluster_owner(link->cluster) == PUSH_OWNER_NOBODY
                       ? RETRY_MS
                       : wait;
        }
    }
    free(reply);
    push_request_cleanup(request);
    lease->busy = false;
    lease->next = push_redis_now() + wait;
}

static void lease_due(push_link_t *link)
{
    drain_t *lease = &link->lease;

    if (lease->woken) {
        lease->woken = false;
        make_wakes(link);
    }
    if (lease->busy || push_redis_now() < lease->next) {
        return;
    }
    lease->busy = true;
    push_request_init(&lease->request, 0);
    push_lease_fill(link->cluster, &lease->request.command);
    lease->request.done = leased;
    lease->request.data = lease;
    push_client_send(link->client, &lease->request);
}

/* Says so once; the next lease is the end of it. */
static void see_lateness(push_link_t *link)
{
    int64_t lease = atomic_load(&link->cluster->words->lease);
    bool late = lease
                && push_clock_now().mono
                       > lease + PUSH_LEASE_EVERY_MS + PUSH_LEASE_LATE_MS;

    if (late && !link->late) {
        report(link, PUSH_CLUSTER_LEASE_LATE, "");
    }
    link->late = late;
}

/* ---- the thread ---- */

static void on_trouble(void *data, const push_redis_trouble_t *trouble)
{
    const push_link_t *link = data;

    push_trouble_report(&link->cluster->options, trouble);
}

static bool begin(push_link_t *link)
{
    push_client_hooks_t hooks = {
        .data = link, .library = fill_library, .trouble = on_trouble};

    memset(link->drains, 0, sizeof(link->drains));
    memset(&link->lease, 0, sizeof(link->lease));
    memset(&link->load, 0, sizeof(link->load));
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        link->drains[i].link = link;
        link->drains[i].master = i;
    }
    link->lease.link = link;
    link->load.link = link;
    link->version = 0;
    link->client = push_client_create(link->cluster->options.redis, &hooks);
    if (!link->client) {
        return false;
    }
    make_wakes(link);
    atomic_store(&link->cluster->term, link->lead.term);
    atomic_store(&link->cluster->linked, true);
    push_yield_take_over(link->cluster);
    push_steward_wake(link->cluster->steward);
    return true;
}

static void end(push_link_t *link)
{
    atomic_store(&link->cluster->linked, false);
    if (link->wakes) {
        push_wakes_destroy(link->wakes);
        link->wakes = NULL;
    }
    push_client_destroy(link->client);
    link->client = NULL;
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t until_of(const push_link_t *link)
{
    const push_slots_t *slots = push_client_slots(link->client);
    int64_t until = push_client_until(link->client);

    if (!link->lease.busy) {
        until = earliest(until, link->lease.next);
    }
    if (link->wakes) {
        until = earliest(until, push_wakes_until(link->wakes));
        for (unsigned i = 0; i < slots->end; i++) {
            if (slots->masters[i].partitions && !link->drains[i].busy) {
                until = earliest(until, link->drains[i].next);
            }
        }
    }
    return until;
}

static int wait_of(const push_link_t *link)
{
    int64_t wait = until_of(link) - push_redis_now();

    return wait < 0 ? 0 : wait > DRAIN_MS ? DRAIN_MS : (int)wait;
}

/* Another child wrote when this one had the lead already. */
static void see_disturbance(push_link_t *link)
{
    push_cluster_words_t *words = link->cluster->words;

    if (!atomic_load(&words->link.disturbed)
        || !atomic_exchange(&words->link.disturbed, false)) {
        return;
    }
    for (unsigned i = 0; i < PUSH_MASTERS_MAX; i++) {
        words->masters[i].vm[0] = '\0';
    }
    link->version = 0;
    link->lease.next = 0;
}

/* False: it is another child's now, and may be written meanwhile. */
static bool wrote_alone(push_link_t *link)
{
    bool alone = push_lead_is(&link->lead);

    if (!alone) {
        atomic_store(&link->lead.lead->disturbed, true);
    }
    return alone;
}

static void turn(push_link_t *link)
{
    struct pollfd fds[1 + PUSH_CLIENT_FDS + PUSH_WAKES_FDS];
    unsigned client, wakes = 0;

    push_lead_beat(&link->lead);
    see_disturbance(link);
    lease_due(link);
    see_lateness(link);
    follow_map(link);
    drain_due(link);
    if (!wrote_alone(link)) {
        return;
    }
    fds[0] = (struct pollfd){.fd = link->event, .events = POLLIN};
    client = push_client_pollfds(link->client, fds + 1);
    if (link->wakes) {
        wakes = push_wakes_pollfds(link->wakes, fds + 1 + client);
    }
    if (poll(fds, 1 + client + wakes, wait_of(link)) < 0) {
        memset(fds, 0, sizeof(fds));
        return;
    }
    if (push_lead_is(&link->lead)) {
        push_client_serve(link->client, fds + 1, client);
        if (link->wakes) {
            push_wakes_serve(link->wakes, fds + 1 + client, wakes);
        }
        wrote_alone(link);
    }
}

static void wait_to_try(push_link_t *link)
{
    struct pollfd fd = {.fd = link->event, .events = POLLIN};

    poll(&fd, 1, TRY_MS);
}

/* Waits for the lead; false: the end. */
static bool take_lead(push_link_t *link)
{
    push_lead_t *lead = &link->cluster->words->link;
    uint32_t term = PUSH_LEAD_NO_TERM;

    while (!atomic_load(&link->stop) && !term) {
        term = push_lead_try(lead, &link->seen);
        if (!term) {
            wait_to_try(link);
        }
    }
    link->lead = (push_lead_ref_t){lead, term};
    return term != PUSH_LEAD_NO_TERM;
}

static void *run(void *data)
{
    push_link_t *link = data;

    while (take_lead(link)) {
        if (link->seen.overtook) {
            report(link, PUSH_CLUSTER_OVERTOOK, "");
        }
        if (begin(link)) {
            while (!atomic_load(&link->stop) && push_lead_is(&link->lead)) {
                turn(link);
            }
            end(link);
        }
        if (!push_lead_is(&link->lead)) {
            report(link, PUSH_CLUSTER_OVERTAKEN, "");
        }
        push_lead_leave(&link->lead);
        if (!atomic_load(&link->stop)) {
            wait_to_try(link);
        }
    }
    return NULL;
}

/* ---- any thread ---- */

push_link_t *push_link_start(push_cluster_t *cluster)
{
    push_link_t *link = calloc(1, sizeof(*link));

    if (!link) {
        return NULL;
    }
    link->cluster = cluster;
    link->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (link->event >= 0 && push_thread_start(&link->thread, run, link)) {
        return link;
    }
    if (link->event >= 0) {
        close(link->event);
    }
    free(link);
    return NULL;
}

void push_link_stop(push_link_t *link)
{
    static const uint64_t one = 1;

    atomic_store(&link->stop, true);
    while (write(link->event, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    pthread_join(link->thread, NULL);
    close(link->event);
    free(link);
}
