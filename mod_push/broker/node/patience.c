#include "broker/node/patience.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/node/lease.h"
#include "outgoing/easy.h"

/* A master that was not drained for so long, ms, cannot be lived with. */
#define DRAINED_LATE_MS 3000

#define ASK_MS   2000L /* how long peers may take to answer */
#define AGAIN_MS 5000  /* until they are asked again */
#define SURE_MS  1000  /* in which Redis may still come back */

/* ---- this node ---- */

/* Every master that has a partition was drained to its end lately. */
static bool is_drained(const push_cluster_words_t *words, int64_t now)
{
    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        unsigned home = words->home[i];

        if (!home
            || atomic_load(&words->masters[home - 1].drained)
                   < now - DRAINED_LATE_MS) {
            return false;
        }
    }
    return true;
}

bool push_patience_is_well(const push_cluster_t *cluster)
{
    const push_cluster_words_t *words = cluster->words;
    int64_t now = push_clock_now().mono;

    return push_cluster_owner(cluster) != PUSH_OWNER_NOBODY
           && atomic_load(&words->lease)
                  >= now - PUSH_LEASE_EVERY_MS - PUSH_LEASE_LATE_MS
           && is_drained(words, now);
}

/* ---- peers ---- */

typedef struct {
    CURLM *multi;
    CURL *easy[PUSH_NODES_MAX];
    const char *url[PUSH_NODES_MAX]; /* of the view */
    unsigned count;
} inquiry_t;

static size_t pass_over(char *bytes, size_t one, size_t len, void *data)
{
    (void)bytes;
    (void)data;
    return one * len;
}

static void ask(inquiry_t *inquiry, const char *base)
{
    char url[PUSH_NODE_URL + sizeof("/health")];
    CURL *easy = curl_easy_init();

    if (!easy) {
        return;
    }
    snprintf(url, sizeof(url), "%s/health", base);
    push_outgoing_prepare(easy);
    push_outgoing_address(easy, url, ASK_MS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, pass_over);
    if (curl_multi_add_handle(inquiry->multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        return;
    }
    inquiry->easy[inquiry->count] = easy;
    inquiry->url[inquiry->count] = base;
    inquiry->count++;
}

/* The address of one that has said that it is well, or NULL. */
static const char *see_answers(const inquiry_t *inquiry)
{
    for (unsigned i = 0; i < inquiry->count; i++) {
        long status = 0;

        curl_easy_getinfo(inquiry->easy[i], CURLINFO_RESPONSE_CODE, &status);
        if (status == 200) {
            return inquiry->url[i];
        }
    }
    return NULL;
}

/* Waits until one says so, or all have answered. */
static const char *await_answers(const inquiry_t *inquiry)
{
    const char *well = NULL;
    int running = 1;

    while (!well && running
           && curl_multi_perform(inquiry->multi, &running) == CURLM_OK) {
        well = see_answers(inquiry);
        if (!well && running
            && curl_multi_poll(inquiry->multi, NULL, 0, (int)ASK_MS, NULL)
                   != CURLM_OK) {
            break;
        }
    }
    return well;
}

static const char *ask_all(const push_cluster_view_t *view)
{
    inquiry_t inquiry = {.multi = NULL};
    const char *well = NULL;

    /* Counted: the relay's end must not take it away from under us. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return NULL;
    }
    inquiry.multi = curl_multi_init();
    if (!inquiry.multi) {
        curl_global_cleanup();
        return NULL;
    }
    for (unsigned i = 0; i < view->nodes_count; i++) {
        if (!view->nodes[i].self && *view->nodes[i].url) {
            ask(&inquiry, view->nodes[i].url);
        }
    }
    well = await_answers(&inquiry);
    for (unsigned i = 0; i < inquiry.count; i++) {
        curl_multi_remove_handle(inquiry.multi, inquiry.easy[i]);
        curl_easy_cleanup(inquiry.easy[i]);
    }
    curl_multi_cleanup(inquiry.multi);
    curl_global_cleanup();
    return well;
}

static bool find_well_peer(const push_cluster_t *cluster,
                           push_patience_t *patience)
{
    push_cluster_view_t *view = calloc(1, sizeof(*view));
    const char *well = NULL;

    if (view) {
        push_roster_read(&cluster->words->roster, view);
        well = ask_all(view);
    }
    snprintf(patience->peer, sizeof(patience->peer), "%s", well ? well : "");
    free(view);
    return well != NULL;
}

/* ---- the steward's ---- */

/*
 * With the patience at an end: whether streams are let go now.  What came back
 * to this node all the same is let go after as long again.
 */
static bool is_over(push_cluster_t *cluster, push_patience_t *patience,
                    int64_t now)
{
    if (patience->sure) {
        if (now < patience->sure) {
            return false;
        }
        patience->since = now;
        patience->next = 0;
        patience->sure = 0;
        return true;
    }
    if (now >= patience->next) {
        if (find_well_peer(cluster, patience)) {
            patience->sure = push_clock_now().mono + SURE_MS;
        }
        patience->next = push_clock_now().mono + AGAIN_MS;
    }
    return false;
}

static void judge(push_cluster_t *cluster, push_patience_t *patience)
{
    int64_t now = push_clock_now().mono;

    if (!cluster->options.patience || !push_cluster_leads(cluster)
        || push_patience_is_well(cluster)) {
        patience->since = 0;
        patience->next = 0;
        patience->sure = 0;
        return;
    }
    if (!patience->since) {
        patience->since = now;
    }
    if (now >= patience->since + cluster->options.patience
        && is_over(cluster, patience, now)) {
        cluster->options.report(cluster->options.data, PUSH_CLUSTER_CUT_OFF,
                                patience->peer);
        atomic_fetch_add(&cluster->words->partings, 1);
    }
}

void push_patience_see(push_cluster_t *cluster, push_patience_t *patience)
{
    uint32_t partings;

    judge(cluster, patience);
    partings = atomic_load(&cluster->words->partings);
    if (partings != patience->known) {
        patience->known = partings;
        cluster->options.part();
    }
}
