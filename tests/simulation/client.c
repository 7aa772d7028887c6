#include "simulation/client.h"

#include <stdlib.h>
#include <string.h>

#include "parser.h"
#include "session.h"

#include "simulation/link.h"
#include "simulation/network.h"
#include "simulation/publish.h"
#include "simulation/story.h"

#define HELD_MAX     6u
#define MAX_MESSAGES 48u

struct sim_client_t {
    struct pushc_mem mem;
    struct pushc_parser parser;
    struct pushc_session session;
    struct pushc_item *held[HELD_MAX];
    unsigned held_count;
    unsigned process; /* which run of the application it is */
    uint32_t conn;    /* of the attempt or the stream; 0: none */
    bool open;
    bool stopped;    /* superseded */
    bool ack_flying; /* one at a time */
    uint32_t ack_conn;
    uint64_t numbering;      /* as the head of the stream names it */
    char stored[SIM_CURSOR]; /* what the application keeps of the cursor */
};

static void begin_session(sim_client_t *c, const sim_t *s)
{
    memset(&c->session, 0, sizeof(c->session));
    c->session.window = s->window;
    c->session.max_messages = MAX_MESSAGES;
    c->session.max_bytes = 1 << 20;
    c->session.dedup = 1024;
    c->session.pause = 1;
    NEEDS(pushc_session_init(&c->session, &c->mem) == PUSHC_OK,
          "no memory for a session");
}

sim_client_t *sim_client_create(const sim_t *s)
{
    sim_client_t *c = calloc(1, sizeof(*c));

    NEEDS(c != NULL, "no memory for a client");
    c->mem = pushc_mem_make(NULL, NULL);
    c->process = 1;
    pushc_parser_init(&c->parser, &c->mem, 4096);
    begin_session(c, s);
    return c;
}

void sim_client_destroy(sim_client_t *c)
{
    pushc_parser_cleanup(&c->parser);
    pushc_session_cleanup(&c->session);
    free(c);
}

bool sim_client_awaits(const sim_t *s, int client, uint32_t conn)
{
    return s->clients[client]->conn == conn && !s->clients[client]->open;
}

uint32_t sim_client_conn(const sim_t *s, int client)
{
    return s->clients[client]->conn;
}

/* ---- connecting ---- */

/* Where it stands; of a plain RAMEN client that is the number alone. */
static void show(const sim_t *s, int client, char *cursor)
{
    const sim_client_t *c = s->clients[client];

    strcpy(cursor, c->session.cursor);
    if (s->plain && client == SIM_CLIENTS - 1) {
        cursor[0] = '\0';
        if (c->session.cursor_seq) {
            snprintf(cursor, SIM_CURSOR, "%lu",
                     (unsigned long)c->session.cursor_seq);
        }
    }
}

void sim_client_connect(sim_t *s, int client, push_urgency_t lowest)
{
    sim_client_t *c = s->clients[client];
    sim_packet_t packet = {.kind = SIM_CONNECT,
                           .who = client,
                           .process = c->process,
                           .lowest = lowest};

    if (c->conn || c->stopped) {
        return;
    }
    c->conn = ++s->conns;
    packet.conn = c->conn;
    show(s, client, packet.cursor);
    if (s->fault != SIM_CURSOR_MOVES_ON) {
        pushc_session_attempt(&c->session);
    }
    sim_send(s, &packet);
}

void sim_client_cut(sim_t *s, int client)
{
    sim_client_t *c = s->clients[client];
    sim_link_t *link = c->conn ? sim_link_of(s, client, c->conn) : NULL;

    if (c->open) {
        sim_tell(s, "\"what\":\"cut\",\"device\":\"%d.%u\",\"conn\":%u",
                 client, link ? link->life : s->lives[client], c->conn);
    }
    c->conn = 0;
    c->open = false;
    if (link) {
        sim_link_leave(link);
    }
}

static void opened(sim_t *s, sim_client_t *c, sim_link_t *link)
{
    c->open = true;
    c->numbering = link->session;
    if (s->fault != SIM_HALF_BLOCK_KEPT) {
        pushc_parser_reset(&c->parser);
    }
    if (s->fault == SIM_REPEATS_FORGOTTEN) {
        char cursor[SIM_CURSOR];

        strcpy(cursor, c->session.cursor);
        pushc_session_cleanup(&c->session);
        begin_session(c, s);
        pushc_session_restore(&c->session, cursor);
        c->held_count = 0;
    }
    pushc_session_connected(&c->session);
    sim_tell(s, "\"what\":\"connected\",\"device\":\"%d.%u\",\"conn\":%u",
             link->client, link->life, link->conn);
}

/* ---- receiving ---- */

static void tell_delivered(sim_t *s, int client, const sim_publish_t *p,
                           const char *mid)
{
    sim_tell(s,
             "\"what\":\"delivered\",\"device\":\"%d.%u\",\"mid\":\"%s\","
             "\"key\":\"k%d\"",
             client, p->of[client].received_in, mid, atoi(p->data));
}

/*
 * It was received in this life of the context; if it has been handled since
 * an earlier one, the SDK knows that.
 */
static void note_life(sim_t *s, const sim_link_t *link, const char *mid)
{
    sim_publish_t *p = sim_publish_of(s, mid);

    if (p && p->of[link->client].received_in != link->life) {
        p->of[link->client].received_in = link->life;
        if (p->of[link->client].delivered_by) {
            tell_delivered(s, link->client, p, mid);
        }
    }
}

static void receive(sim_t *s, sim_client_t *c, const sim_link_t *link,
                    const struct pushc_block *block)
{
    char mid[PUSHC_MID_MAX];
    uint64_t seq;

    if (!pushc_id_split(block->id, &seq, mid)) {
        sim_violation(s, "framing: client %d received the id %s", link->client,
                      block->id);
        return;
    }
    sim_tell(s,
             "\"what\":\"received\",\"device\":\"%d.%u\",\"conn\":%u,"
             "\"seq\":%lu,\"mid\":\"%s\",\"flush\":%u",
             link->client, link->life, link->conn, (unsigned long)seq, mid,
             link->flush[seq % SIM_SEQS]);
    note_life(s, link, mid);
    NEEDS(pushc_session_receive(&c->session, block)
              != PUSHC_RECEIVED_NO_MEMORY,
          "no memory for a message");
}

/* What receive.c of the SDK does with a block. */
static void take_block(sim_t *s, sim_client_t *c, const sim_link_t *link,
                       const struct pushc_block *block)
{
    unsigned dropped;

    if (!strcmp(block->event, "push.gap")) {
        if (sscanf(block->data, "{\"dropped\":%u,", &dropped) == 1) {
            dropped += s->strangers[link->client] ? SIM_PUBLISHES : 0;
            sim_tell(s, "\"what\":\"gap\",\"device\":\"%d.%u\",\"dropped\":%u",
                     link->client, link->life, dropped);
        }
    }
    else if (!strcmp(block->event, "push.bye")) {
        c->stopped = strstr(block->data, "superseded") != NULL;
    }
    else if (!block->has_id) {
        sim_violation(s, "framing: client %d received a block without an id",
                      link->client);
    }
    else {
        receive(s, c, link, block);
    }
}

static void parse(sim_t *s, sim_client_t *c, sim_link_t *link, size_t bytes)
{
    const char *at = link->bytes + link->at;
    size_t left = bytes;
    struct pushc_block block;
    enum pushc_parsed parsed;

    while (left && !pushc_session_full(&c->session)) {
        parsed = pushc_parser_next(&c->parser, &at, &left, &block);
        if (parsed == PUSHC_PARSED_BLOCK) {
            take_block(s, c, link, &block);
        }
        else if (parsed != PUSHC_PARSED_ALL) {
            sim_violation(s, "framing: client %d cannot parse its stream",
                          link->client);
            break;
        }
    }
    link->at += bytes - left;
}

void sim_client_read(sim_t *s, int client, size_t bytes)
{
    sim_client_t *c = s->clients[client];
    sim_link_t *link = c->conn ? sim_link_of(s, client, c->conn) : NULL;

    if (!link) {
        return;
    }
    if (!c->open) {
        opened(s, c, link);
    }
    if (bytes > link->len - link->at) {
        bytes = link->len - link->at;
    }
    parse(s, c, link, bytes);
    if (link->closed && link->at == link->len) {
        sim_client_cut(s, client);
    }
}

/* ---- the application ---- */

static void deliver(sim_t *s, int client, const pushc_message *m)
{
    const sim_client_t *c = s->clients[client];
    sim_publish_t *p = sim_publish_of(s, m->mid);

    if (!p || !sim_publish_reads(p, m->data, m->length)) {
        sim_violation(s,
                      "payload: client %d got %s, which is not what was "
                      "published",
                      client, m->mid);
        return;
    }
    /* What an earlier process has handled may come to the next one again. */
    if (p->of[client].delivered_by
        && p->of[client].delivered_by != c->process) {
        return;
    }
    p->of[client].delivered_by = c->process;
    tell_delivered(s, client, p, m->mid);
}

static void finish(sim_t *s, int client, unsigned index)
{
    sim_client_t *c = s->clients[client];
    struct pushc_item *item = c->held[index];

    c->held[index] = c->held[--c->held_count];
    deliver(s, client, &item->pub);
    pushc_session_done(&c->session, item);
}

static bool take(sim_t *s, sim_client_t *c, uint64_t now)
{
    struct pushc_item *item;

    item = c->held_count < HELD_MAX ? pushc_session_next(&c->session, now)
                                    : NULL;
    if (!item) {
        return false;
    }
    if (s->fault == SIM_DONE_TOO_EARLY) {
        pushc_session_done(&c->session, item);
        return true;
    }
    c->held[c->held_count++] = item;
    return true;
}

void sim_client_handle(sim_t *s, int client, uint32_t choice)
{
    sim_client_t *c = s->clients[client];
    unsigned index;

    if (choice % 2 && take(s, c, (uint64_t)s->now.mono)) {
        return;
    }
    if (!c->held_count) {
        return;
    }
    index = choice / 2 % c->held_count;
    if (choice % 11) {
        finish(s, client, index);
        return;
    }
    pushc_session_retry(&c->session, c->held[index], (uint64_t)s->now.mono);
    c->held[index] = c->held[--c->held_count];
}

void sim_client_handle_all(sim_t *s, int client)
{
    sim_client_t *c = s->clients[client];

    while (c->held_count || take(s, c, UINT64_MAX)) {
        while (c->held_count) {
            finish(s, client, 0);
        }
    }
}

/* ---- acknowledging ---- */

void sim_client_acknowledge(sim_t *s, int client)
{
    sim_client_t *c = s->clients[client];
    sim_packet_t packet = {.kind = SIM_ACK,
                           .who = client,
                           .process = c->process,
                           .conn = c->conn,
                           .session = c->numbering};

    if (!c->open || c->ack_flying || !pushc_session_unacked(&c->session)
        || (s->implicit && client == 0)) {
        return;
    }
    show(s, client, packet.cursor);
    pushc_session_ack_begin(&c->session);
    c->ack_flying = true;
    c->ack_conn = c->conn;
    sim_send(s, &packet);
}

static void ack_ends(sim_client_t *c, bool taken)
{
    c->ack_flying = false;
    if (c->ack_conn == c->conn && c->open) {
        pushc_session_ack_end(&c->session, taken);
    }
}

void sim_client_acked(sim_t *s, const sim_packet_t *packet)
{
    sim_client_t *c = s->clients[packet->who];

    if (!c->ack_flying || c->ack_conn != packet->conn
        || c->process != packet->process) {
        return;
    }
    ack_ends(c, packet->status == PUSH_OK);
    if (packet->status == PUSH_STALE && c->conn == packet->conn) {
        sim_client_cut(s, packet->who);
    }
}

void sim_client_ack_timeout(sim_t *s, int client)
{
    if (s->clients[client]->ack_flying) {
        ack_ends(s->clients[client], false);
    }
}

/* ---- processes ---- */

void sim_client_store(sim_t *s, int client)
{
    strcpy(s->clients[client]->stored, s->clients[client]->session.cursor);
}

void sim_client_restart(sim_t *s, int client, bool stored)
{
    sim_client_t *c = s->clients[client];

    sim_client_cut(s, client);
    sim_forget_process(s, client);
    pushc_session_cleanup(&c->session);
    begin_session(c, s);
    c->process++;
    c->held_count = 0;
    c->stopped = false;
    c->ack_flying = false;
    if (!stored) {
        c->stored[0] = '\0';
    }
    NEEDS(pushc_session_restore(&c->session, c->stored) == PUSHC_OK,
          "the cursor %s cannot be restored", c->stored);
}

void sim_client_revive(sim_t *s, int client)
{
    if (s->clients[client]->stopped) {
        sim_client_store(s, client);
        sim_client_restart(s, client, true);
    }
}
