#include "simulation/publish.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "simulation/network.h"
#include "simulation/server.h"
#include "simulation/story.h"

#define MAX_TTL 1800000

/* NULL: it is forgotten, and what was in it. */
static push_log_t *log_of(const sim_t *s, const sim_publish_t *p)
{
    push_channel_t *channel = push_store_broadcast(s->store);
    push_user_t *user;
    push_name_t name;

    if (p->kind == PUSH_LOG_USER) {
        name = push_store_name(s->store, sim_user_name(p->to));
        user = push_store_user(s->store, &name, false);
        return user ? &user->log : NULL;
    }
    if (p->kind == PUSH_LOG_CHANNEL) {
        name = push_store_name(s->store, sim_channel_name(p->to));
        channel = push_store_channel(s->store, &name, false);
    }
    return channel ? &channel->log : NULL;
}

/* ---- what is wanted ---- */

/* Its number, and then lines, bytes that are no text, or a long text. */
static void make_payload(sim_publish_t *p, int index, dice_t *d)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "a\nb\r\nc\rd",
                                        "\r\n\n\r",
                                        "data: y\n\nid: 7",
                                        "\xff\n\r\n",
                                        "\xc3\xa4\n\xe2\x82\xac"};
    uint32_t which = dice_below(d, 8);
    size_t more = which < 7 ? strlen(texts[which]) : dice_below(d, 900);

    p->data = malloc(more + 16);
    NEEDS(p->data != NULL, "no memory for a payload");
    p->len = (uint32_t)snprintf(p->data, 16, "%d;", index);
    for (size_t i = 0; i < more; i++) {
        p->data[p->len++] = which < 7 ? texts[which][i] : (char)('a' + i % 26);
    }
}

static int64_t make_ttl(dice_t *d)
{
    switch (dice_below(d, 8)) {
    case 0:
        return 0;
    case 1:
        return 1000 * (1 + dice_below(d, 10));
    case 2:
        return 10 * (int64_t)MAX_TTL; /* longer than allowed */
    default:
        return 300000;
    }
}

static void make_audience(sim_publish_t *p, dice_t *d)
{
    uint32_t which = dice_below(d, 10);

    p->device = -1;
    if (which < 6) {
        p->kind = PUSH_LOG_USER;
        p->to = (int)dice_below(d, SIM_USERS);
        if (which == 0) {
            p->device = (int)dice_below(d, SIM_CLIENTS / SIM_USERS);
        }
    }
    else if (which < 9) {
        p->kind = PUSH_LOG_CHANNEL;
        p->to = (int)dice_below(d, SIM_CHANNELS);
    }
    else {
        p->kind = PUSH_LOG_BROADCAST;
    }
}

void sim_publish_begin(sim_t *s, dice_t *d)
{
    int index = s->published;
    sim_publish_t *p = &s->publishes[index];

    if (index == SIM_PUBLISHES) {
        return;
    }
    s->published++;
    memset(p, 0, sizeof(*p));
    make_audience(p, d);
    make_payload(p, index, d);
    p->urgency = (push_urgency_t)dice_below(d, PUSH_LANES);
    p->ttl = make_ttl(d);
    p->topic = dice_one_in(d, 4) ? 1 + (int)dice_below(d, 2) : 0;
    p->keyed = !dice_one_in(d, 3);
    p->receipt = dice_one_in(d, 4);
    sim_tell(s, "\"what\":\"tried\",\"key\":\"k%d\"", index);
    sim_send(s, &(sim_packet_t){.kind = SIM_PUBLISH, .who = index});
}

/* ---- the server ---- */

static int64_t ttl_of(const sim_publish_t *p)
{
    return p->ttl < MAX_TTL ? p->ttl : MAX_TTL;
}

static push_publication_t publication_of(const sim_t *s, int index)
{
    static const push_text_t topics[] = {{NULL, 0}, {"t", 1}, {"u", 1}};
    static char key[16];
    const sim_publish_t *p = &s->publishes[index];
    push_publication_t publication = {
        .audience.kind = p->kind,
        .spec = {.content.data = {p->data, p->len},
                 .content.ack_now = p->receipt,
                 .topic = topics[p->topic],
                 .urgency = p->urgency,
                 .ttl = ttl_of(p)},
        .now = s->now};

    if (p->kind == PUSH_LOG_USER) {
        publication.audience.name = sim_user_name(p->to);
    }
    if (p->kind == PUSH_LOG_CHANNEL) {
        publication.audience.name = sim_channel_name(p->to);
    }
    if (p->device >= 0) {
        publication.spec.device = sim_device_name(p->device);
    }
    if (p->keyed) {
        int len = snprintf(key, sizeof(key), "key %d", index);

        publication.key = (push_text_t){key, (uint32_t)len};
    }
    return publication;
}

/* The client's device is one of those that the user's message is for. */
static bool addressed(const sim_publish_t *p, int client)
{
    return p->to == client % SIM_USERS
           && (p->device < 0 || p->device == client / SIM_USERS);
}

static void accept(sim_t *s, sim_publish_t *p, uint64_t mid)
{
    int64_t ttl = ttl_of(p);

    p->mid = mid;
    p->at = sim_stamp(s);
    p->expires = s->now.mono + (ttl ? ttl : 1000);
    p->fate = PUSH_LIVE;
    for (int i = 0; i < SIM_CLIENTS; i++) {
        p->of[i].life = s->lives[i];
        p->of[i].owed = p->ttl
                        && (p->kind == PUSH_LOG_USER ? addressed(p, i)
                                                     : s->known[i]);
        p->of[i].fate = PUSH_LIVE;
    }
}

push_status_t sim_publish_arrives(sim_t *s, int index)
{
    push_publication_t publication = publication_of(s, index);
    push_broker_t *broker = &s->children[index % SIM_CHILDREN].broker;
    push_commit_t commit = {0};
    push_answer_t answer;
    push_status_t status = broker->publish(broker, &publication, &commit,
                                           &answer);

    if (status == PUSH_OK) {
        status = broker->settle(broker, &commit, &answer);
    }
    if (status == PUSH_OK && !answer.again) {
        accept(s, &s->publishes[index], answer.receipt.mid);
    }
    sim_server_look(s);
    return status;
}

/* A later one has its Topic and its audience. */
static bool outdated(const sim_t *s, const sim_publish_t *p)
{
    for (int i = 0; p->topic && i < s->published; i++) {
        const sim_publish_t *other = &s->publishes[i];

        if (other->mid > p->mid && other->topic == p->topic
            && other->kind == p->kind && other->to == p->to
            && other->device == p->device) {
            return true;
        }
    }
    return false;
}

/* How it ended, if nothing is left of it to ask. */
static push_fate_t fate_of_forgotten(const sim_t *s, const sim_publish_t *p)
{
    if (s->now.mono >= p->expires) {
        return PUSH_EXPIRED;
    }
    return outdated(s, p) ? PUSH_REPLACED : PUSH_EVICTED;
}

static void find_end(sim_t *s, sim_publish_t *p)
{
    const push_heap_t *heap = &s->store->heaps[0];
    const push_log_t *log = log_of(s, p);
    push_entry_t entry;

    if (!log || !push_log_find(heap, log, p->mid, &entry)) {
        p->fate = fate_of_forgotten(s, p);
        return;
    }
    p->fate = push_message_fate(entry.message);
    for (int i = 0; p->kind == PUSH_LOG_USER && i < SIM_CLIENTS; i++) {
        const push_outcome_t *outcome = NULL;

        if (s->known[i] && p->of[i].life == s->lives[i]) {
            outcome = push_message_outcome(heap, entry.message,
                                           s->tickets[i].device);
        }
        if (outcome && outcome->fate != PUSH_ACKED) {
            p->of[i].fate = (push_fate_t)outcome->fate;
        }
    }
}

void sim_publish_refresh(sim_t *s)
{
    for (int i = 0; i < s->published; i++) {
        sim_publish_t *p = &s->publishes[i];

        if (p->mid && p->fate == PUSH_LIVE && s->fault != SIM_WRONG_USER) {
            find_end(s, p);
        }
    }
}

void sim_publish_recall(sim_t *s, uint32_t choice)
{
    sim_publish_t *p = &s->publishes[choice % (uint32_t)(s->published + 1)];
    push_broker_t *broker = &s->children[choice % SIM_CHILDREN].broker;
    uint32_t recalled;

    if (p->mid && p->fate == PUSH_LIVE) {
        broker->recall(broker, &(push_sought_t){.mid = p->mid}, &s->now,
                       &recalled);
        sim_server_look(s);
    }
}

/* If the client never has it, that is as good as evicted: a gap says so. */
void sim_publish_slid(sim_t *s, int client, uint64_t mid)
{
    for (int i = 0; i < s->published; i++) {
        sim_publish_t *p = &s->publishes[i];

        if (p->mid == mid && p->of[client].life == s->lives[client]) {
            p->of[client].fate = PUSH_EVICTED;
        }
    }
}

void sim_publish_is_sent(sim_t *s, uint64_t mid)
{
    for (int i = 0; i < s->published; i++) {
        const sim_publish_t *p = &s->publishes[i];

        if (p->mid == mid && p->expires <= s->now.mono) {
            sim_violation(s, "late: publish %d is sent %ld ms after its TTL",
                          i, (long)(s->now.mono - p->expires));
        }
        if (p->mid == mid && p->fate != PUSH_LIVE && p->fate != PUSH_EXPIRED) {
            sim_violation(s, "over: publish %d is sent, though %s", i,
                          push_fate_name(p->fate));
        }
    }
}

/* ---- the publisher ---- */

static void tell_accepted(sim_t *s, int index)
{
    static const char *const urgencies[] = {"high", "normal", "low",
                                            "very-low"};
    const sim_publish_t *p = &s->publishes[index];
    char mid[PUSH_MID_CHARS + 1] = "";
    char to[80];

    push_mid_write(p->mid, mid);
    if (p->kind == PUSH_LOG_BROADCAST) {
        snprintf(to, sizeof(to), "\"channel\":\"all\"");
    }
    else if (p->kind == PUSH_LOG_CHANNEL) {
        snprintf(to, sizeof(to), "\"channel\":\"c%d\"", p->to);
    }
    else if (p->device < 0) {
        snprintf(to, sizeof(to), "\"user\":\"u%d\"", p->to);
    }
    else {
        int client = p->to + p->device * SIM_USERS;

        snprintf(to, sizeof(to), "\"channel\":\"d%d\"", client);
    }
    sim_tell_at(s, p->at,
                "\"what\":\"accepted\",\"mid\":\"%s\",%s,\"key\":\"k%d\","
                "\"urgency\":\"%s\",\"ttl\":%ld",
                mid, to, index, urgencies[p->urgency],
                (long)(ttl_of(p) / 1000));
}

void sim_publish_answered(sim_t *s, const sim_packet_t *packet)
{
    sim_publish_t *p = &s->publishes[packet->who];

    if (packet->status == PUSH_OK && !p->told) {
        p->told = true;
        tell_accepted(s, packet->who);
    }
}

void sim_publish_again(sim_t *s, uint32_t choice)
{
    uint32_t from = choice % (uint32_t)(s->published + 1);

    for (int i = (int)from; i < s->published; i++) {
        if (s->publishes[i].keyed && !s->publishes[i].told) {
            sim_send(s, &(sim_packet_t){.kind = SIM_PUBLISH, .who = i});
            return;
        }
    }
}

/* ---- the clients ---- */

sim_publish_t *sim_publish_of(sim_t *s, const char *text)
{
    uint64_t mid;

    if (!push_mid_parse(text, strlen(text), &mid)) {
        return NULL;
    }
    for (int i = 0; i < s->published; i++) {
        if (s->publishes[i].mid == mid) {
            return &s->publishes[i];
        }
    }
    return NULL;
}

bool sim_publish_reads(const sim_publish_t *p, const char *data, size_t len)
{
    bool text = push_text_valid(p->data, p->len);
    size_t at = 0;

    for (uint32_t i = 0; i < p->len; i++) {
        char c = p->data[i];

        if (text && c == '\r') {
            c = '\n';
            i += i + 1 < p->len && p->data[i + 1] == '\n';
        }
        if (at == len || data[at++] != c) {
            return false;
        }
    }
    return at == len;
}

static void tell_end(sim_t *s, const sim_publish_t *p, int client)
{
    push_fate_t fate = p->of[client].fate != PUSH_LIVE ? p->of[client].fate
                                                       : p->fate;
    char mid[PUSH_MID_CHARS + 1] = "";

    if (p->expires <= s->now.mono) {
        fate = PUSH_EXPIRED;
    }
    if (fate == PUSH_LIVE) {
        return;
    }
    if (s->fault == SIM_REPLACED_NOT_TOLD && fate == PUSH_REPLACED) {
        return;
    }
    push_mid_write(p->mid, mid);
    sim_tell(s, "\"what\":\"%s\",\"device\":\"%d.%u\",\"mid\":\"%s\"",
             push_fate_name(fate), client, p->of[client].life, mid);
}

void sim_publish_tell_ends(sim_t *s)
{
    for (int i = 0; i < s->published; i++) {
        const sim_publish_t *p = &s->publishes[i];

        for (int j = 0; p->told && j < SIM_CLIENTS; j++) {
            if (p->of[j].owed && p->of[j].life == s->lives[j]
                && !p->of[j].delivered_by) {
                tell_end(s, p, j);
            }
        }
    }
}

void sim_publish_cleanup(sim_t *s)
{
    for (int i = 0; i < s->published; i++) {
        free(s->publishes[i].data);
    }
}
