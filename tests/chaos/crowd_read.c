/* crowd_read.c - what a client of a crowd reads: the head of the answer, and
 * the events behind it. */
#include "crowd_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- what was delivered ---- */

static uint64_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    while (*text != '\0') {
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
        text++;
    }
    return h != 0 ? h : 1;
}

/* Where h is in the table, or could be put. */
static size_t place_of(const struct client *c, uint64_t h)
{
    size_t i = h & (c->mid_room - 1);

    while (c->mids[i] != 0 && c->mids[i] != h) {
        i = (i + 1) & (c->mid_room - 1);
    }
    return i;
}

bool client_has(const struct client *c, const char *mid)
{
    uint64_t h = hash(mid);

    return c->mid_room > 0 && c->mids[place_of(c, h)] == h;
}

static void grow_mids(struct client *c)
{
    uint64_t *old = c->mids;
    size_t i, count = c->mid_room;

    c->mid_room = count > 0 ? 2 * count : 64;
    c->mids = calloc(c->mid_room, sizeof(*c->mids));
    ck_assert_ptr_nonnull(c->mids);
    for (i = 0; i < count; i++) {
        if (old[i] != 0) {
            c->mids[place_of(c, old[i])] = old[i];
        }
    }
    free(old);
}

/* False where it was there before. */
static bool remember(struct client *c, const char *mid)
{
    uint64_t h = hash(mid);
    size_t at;

    if (2 * c->mid_count >= c->mid_room) {
        grow_mids(c);
    }
    at = place_of(c, h);
    if (c->mids[at] == h) {
        return false;
    }
    c->mids[at] = h;
    c->mid_count++;
    return true;
}

static void note_taken(struct taken_list *list, int64_t seq, const char *mid)
{
    struct taken *larger;

    if (list->count == list->room) {
        list->room = list->room > 0 ? 2 * list->room : 8;
        larger = realloc(list->items, list->room * sizeof(*larger));
        ck_assert_ptr_nonnull(larger);
        list->items = larger;
    }
    list->items[list->count].seq = seq;
    snprintf(list->items[list->count].mid, sizeof(list->items[0].mid), "%s",
             mid);
    list->count++;
}

/* ---- events ---- */

static void write_down(const struct client *c, const char *what, int64_t seq,
                       const char *mid, const char *key)
{
    if (c->crowd->options.journal == NULL) {
        return;
    }
    if (key == NULL) {
        journal_line(c->crowd->options.journal,
                     "\"what\":\"%s\",\"device\":\"%s\",\"conn\":%d,"
                     "\"seq\":%lld,\"mid\":\"%s\"",
                     what, client_name(c), c->conn, (long long)seq, mid);
    }
    else {
        journal_line(c->crowd->options.journal,
                     "\"what\":\"%s\",\"device\":\"%s\",\"mid\":\"%s\","
                     "\"key\":\"%s\"",
                     what, client_name(c), mid, key);
    }
}

/* A payload is "KEY DUE ...", DUE in ms of the monotonic clock. */
static void on_message(struct client *c)
{
    struct crowd *crowd = c->crowd;
    char key[40] = "", mid[16] = "";
    long long seq = 0;
    double due = 0;

    crowd->counts.received++;
    if (sscanf(c->fields.id, "%lld.%15[0-9A-Za-z]", &seq, mid) != 2
        || sscanf(c->fields.data, "%39s %lf", key, &due) != 2) {
        crowd->counts.foreign++;
        return;
    }
    strcpy(c->cursor, c->fields.id);
    write_down(c, "received", seq, mid, NULL);
    if (remember(c, mid)) {
        double late = (double)wait_now() - due;

        crowd->counts.delivered++;
        pb_hist_add(&crowd->latency, late > 0 ? (uint64_t)(late * 1e6) : 0);
        write_down(c, "delivered", seq, mid, key);
    }
    if (crowd->options.ack_ms > 0) {
        note_taken(&c->taken, seq, mid);
    }
}

static uint64_t number_behind(const char *json, const char *name)
{
    const char *at = strstr(json, name);

    return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void on_gap(struct client *c)
{
    uint64_t dropped = number_behind(c->fields.data, "\"dropped\":");

    c->crowd->counts.gapped += dropped;
    c->gapped += dropped;
    journal_line(c->crowd->options.journal,
                 "\"what\":\"gap\",\"device\":\"%s\",\"dropped\":%llu",
                 client_name(c), (unsigned long long)dropped);
}

static void on_bye(struct client *c)
{
    c->crowd->counts.byes++;
    c->bye = true;
    c->spread = number_behind(c->fields.data, "\"spread_ms\":");
    if (c->spread > c->crowd->counts.spread) {
        c->crowd->counts.spread = c->spread;
    }
    if (strstr(c->fields.data, "superseded") != NULL) {
        c->state = CLIENT_STOPPED;
    }
}

static void end_of_event(struct client *c)
{
    if (!c->fields.any) {
        return;
    }
    if (strcmp(c->fields.type, "push.gap") == 0) {
        on_gap(c);
    }
    else if (strcmp(c->fields.type, "push.bye") == 0) {
        on_bye(c);
    }
    else if (*c->fields.id != '\0') {
        on_message(c);
    }
    memset(&c->fields, 0, sizeof(c->fields));
}

static void take_field(char *to, size_t room, struct sse_text value)
{
    if (*to == '\0') {
        snprintf(to, room, "%.*s", (int)value.length, value.at);
    }
}

static void on_line(void *baton, struct sse_text line)
{
    struct client *c = baton;
    struct fields *f = &c->fields;
    struct sse_text value;

    if (line.length == 0) {
        end_of_event(c);
        return;
    }
    if (sse_field(line, "retry", &value)) {
        c->retry = sse_number(value);
        return;
    }
    f->any = true;
    if (sse_field(line, "id", &value)) {
        take_field(f->id, sizeof(f->id), value);
    }
    else if (sse_field(line, "event", &value)) {
        take_field(f->type, sizeof(f->type), value);
    }
    else if (sse_field(line, "data", &value)) {
        take_field(f->data, sizeof(f->data), value);
    }
}

/* ---- the head ---- */

void client_expect(struct client *c)
{
    reply_head_init(&c->head);
    sse_cleanup(&c->sse);
    sse_init(&c->sse, on_line, c);
    c->sse.most = CLIENT_LINE;
    memset(&c->fields, 0, sizeof(c->fields));
}

static void on_refusal(struct client *c)
{
    int64_t after = c->head.retry_after;
    struct crowd_counts *counts = &c->crowd->counts;

    counts->refused++;
    if ((c->head.status == 503 || c->head.status == 429) && after < 0) {
        counts->unadvised++;
    }
    client_lost(c, after > 0 ? (uint64_t)after * 1000 : 0);
}

static void on_head(struct client *c)
{
    if (c->head.status != 200) {
        on_refusal(c);
        return;
    }
    c->crowd->counts.opened++;
    c->state = CLIENT_OPEN;
    c->conn++;
    c->opened = wait_now();
    if (c->crowd->options.journal != NULL) {
        journal_line(c->crowd->options.journal,
                     "\"what\":\"connected\",\"device\":\"%s\",\"conn\":%d",
                     client_name(c), c->conn);
    }
    if (c->crowd->options.deaf) {
        loop_rewatch(c->crowd->loop, c->fd, 0, &c->source);
    }
}

/* Takes from at what belongs to the head; returns how much. */
static size_t take_head(struct client *c, const char *at, size_t length)
{
    ptrdiff_t used = reply_head_feed(&c->head, at, length);

    if (used < 0) {
        ck_abort_msg("no HTTP: %.200s", c->head.line);
    }
    if (c->head.done) {
        on_head(c);
    }
    return (size_t)used;
}

void client_read(struct client *c)
{
    static char bytes[65536];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    struct crowd *crowd = c->crowd;
    size_t used = 0;
    int64_t bin;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        crowd->counts.failed += c->state == CLIENT_ASKED;
        client_lost(c, 0);
        return;
    }
    c->last = wait_now();
    if (c->state == CLIENT_ASKED) {
        used = take_head(c, bytes, (size_t)n);
    }
    else {
        bin = (c->last - crowd->epoch) / 100;
        crowd->beats[bin < CROWD_BINS ? bin : CROWD_BINS - 1]++;
    }
    if (c->state == CLIENT_OPEN || c->state == CLIENT_STOPPED) {
        if (!sse_feed(&c->sse, bytes + used, (size_t)n - used)) {
            ck_abort_msg("no memory for a line");
        }
    }
}
