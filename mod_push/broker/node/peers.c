#include "broker/node/peers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/node/addresses.h"
#include "broker/node/masters.h"
#include "store/shm/clock.h"

static const char *const words[] = {
#define WORD(name, word) word,
    PUSH_NODE_TABLE(WORD)
#undef WORD
};

/* ---- this node ---- */

/* Into masters, with those that have no partition left out. */
static unsigned view_masters(const push_cluster_words_t *from,
                             push_master_view_t masters[PUSH_NODES_MAX])
{
    unsigned count = 0;

    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        unsigned home = from->home[i];

        if (home > 0 && home <= PUSH_NODES_MAX) {
            masters[home - 1].partitions++;
            masters[home - 1].suspect += push_partition_suspect(from, i);
        }
    }
    for (unsigned i = 0; i < PUSH_NODES_MAX; i++) {
        if (masters[i].partitions > 0) {
            masters[count] = masters[i];
            masters[count].drained = atomic_load(&from->masters[i].drained);
            masters[count].offset = atomic_load(&from->masters[i].offset);
            count++;
        }
    }
    return count;
}

/* ms; of one that was never drained, since the machine's start. */
static uint64_t lag_of(const push_master_view_t *masters, unsigned count)
{
    int64_t now = push_clock_now().mono, most = 0;

    for (unsigned i = 0; i < count; i++) {
        int64_t lag = now - masters[i].drained;

        most = lag > most ? lag : most;
    }
    return (uint64_t)most;
}

static void measure(const push_cluster_t *cluster,
                    uint64_t of[PUSH_NODE_FIGURES])
{
    push_broker_t local = cluster->local;
    push_master_view_t masters[PUSH_NODES_MAX] = {0};
    unsigned count = view_masters(cluster->words, masters);
    push_stats_view_t stats;

    local.figures(&local, &stats);
    of[PUSH_NODE_STREAMS] = stats.streams;
    of[PUSH_NODE_USERS] = stats.users;
    of[PUSH_NODE_DEVICES] = stats.devices;
    of[PUSH_NODE_CHANNELS] = stats.channels;
    of[PUSH_NODE_PUBLISHED] = stats.counts[PUSH_TOTAL_PUBLISHED];
    of[PUSH_NODE_DELIVERED] = stats.counts[PUSH_TOTAL_DELIVERED];
    of[PUSH_NODE_ACKED] = stats.counts[PUSH_TOTAL_ACKED];
    of[PUSH_NODE_MEMORY_SIZE] = stats.memory_size;
    of[PUSH_NODE_MEMORY_USED] = stats.memory_used;
    of[PUSH_NODE_MASTERS] = count;
    of[PUSH_NODE_LAG] = lag_of(masters, count);
    of[PUSH_NODE_SUSPECT] = 0;
    for (unsigned i = 0; i < count; i++) {
        of[PUSH_NODE_SUSPECT] += masters[i].suspect;
    }
}

/* $stats is not among them: one node makes it, where it is followed. */
static unsigned feeds_here(const push_cluster_t *cluster)
{
    uint32_t known = atomic_load(&cluster->store->segment->feeds.known);

    return known & PUSH_FEED_HERE & ~PUSH_FEED_BIT(PUSH_FEED_STATS);
}

push_text_t push_peers_info(push_cluster_t *cluster, char room[PUSH_PEER_INFO])
{
    char addresses[PUSH_ADDRESSES_TEXT];
    push_text_t told = push_addresses_tell(cluster, addresses);
    uint64_t of[PUSH_NODE_FIGURES];
    int len = snprintf(room, PUSH_PEER_INFO, "version=%s",
                       cluster->options.version);

    measure(cluster, of);
    for (int i = 0; i < PUSH_NODE_FIGURES; i++) {
        len += snprintf(room + len, PUSH_PEER_INFO - (size_t)len,
                        " %s=%" PRIu64, words[i], of[i]);
    }
    len += snprintf(room + len, PUSH_PEER_INFO - (size_t)len,
                    " feeds=%u addresses=%.*s", feeds_here(cluster),
                    (int)told.len, told.at);
    return (push_text_t){room, (uint32_t)len};
}

/* ---- what others say ---- */

/* Decimal digits; what is behind them, or overflows, is left out. */
static uint64_t number_of(push_text_t text)
{
    uint64_t number = 0;

    for (uint32_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.at[i] - '0';

        if (digit > 9 || number > (UINT64_MAX - digit) / 10) {
            break;
        }
        number = number * 10 + digit;
    }
    return number;
}

static bool is_word(push_text_t name, const char *word)
{
    return name.len == strlen(word) && memcmp(name.at, word, name.len) == 0;
}

static void take_word(push_text_t name, push_text_t value,
                      push_node_view_t *node)
{
    if (is_word(name, "version")) {
        push_text_copy(node->version, sizeof(node->version), value);
    }
    else if (is_word(name, "feeds")) {
        node->feeds = (uint32_t)number_of(value) & PUSH_FEED_HERE;
    }
    for (int i = 0; i < PUSH_NODE_FIGURES; i++) {
        if (is_word(name, words[i])) {
            node->of[i] = number_of(value);
        }
    }
}

void push_peers_parse(push_text_t info, push_node_view_t *node)
{
    const char *at = info.at, *end = info.at + info.len;

    node->version[0] = '\0';
    node->feeds = 0;
    memset(node->of, 0, sizeof(node->of));
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space ? space : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));

        if (equals) {
            take_word((push_text_t){at, (uint32_t)(equals - at)},
                      (push_text_t){equals + 1, (uint32_t)(stop - equals - 1)},
                      node);
        }
        at = stop + 1;
    }
}

/* What other nodes follow is published by this one, too. */
static void keep_feeds(push_cluster_t *cluster, const push_node_view_t *nodes,
                       unsigned count)
{
    push_feed_words_t *feeds = &cluster->store->segment->feeds;
    uint32_t others = 0;

    for (unsigned i = 0; i < count; i++) {
        others |= nodes[i].self ? 0 : nodes[i].feeds;
    }
    atomic_fetch_or(&feeds->known, PUSH_FEED_ELSEWHERE(others));
    atomic_fetch_and(&feeds->known,
                     PUSH_FEED_ELSEWHERE(others) | PUSH_FEED_HERE);
}

void push_peers_keep(push_cluster_t *cluster, const push_lease_reply_t *lease)
{
    int64_t now = push_clock_now().mono;
    push_node_view_t nodes[PUSH_NODES_MAX] = {0};
    unsigned count = 0;

    while (count < lease->count && count < PUSH_NODES_MAX) {
        const push_peer_t *peer = &lease->peers[count];
        push_node_view_t *node = &nodes[count];

        node->owner = peer->owner;
        node->self = peer->owner == lease->owner;
        node->renewed = now - peer->age;
        push_text_copy(node->url, sizeof(node->url), peer->url);
        push_peers_parse(peer->info, node);
        count++;
    }
    keep_feeds(cluster, nodes, count);
    push_roster_set(&cluster->words->roster, nodes, count);
    push_addresses_keep(cluster, lease);
}

/* The names of masters are by their index in the words, and so found before
 * those without a partition are left out. */
void push_peers_view(const push_cluster_t *cluster, push_cluster_view_t *view)
{
    push_cluster_words_t *from = cluster->words;

    memset(view, 0, sizeof(*view));
    push_roster_read(&from->roster, view);
    view->owner = (uint16_t)atomic_load(&from->owner);
    view->leased = view->owner != PUSH_OWNER_NOBODY;
    view->lease = atomic_load(&from->lease);
    view->unreadable = atomic_load(&from->unreadable);
    view->masters_count = view_masters(from, view->masters);
}
