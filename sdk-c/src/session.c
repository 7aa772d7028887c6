/* session.c - what was received, what is done, what may be acknowledged. */
#include "session.h"

#include <string.h>

/* Longest pause before a message is handed over again, in ms. */
#define PAUSE_MAX 30000u

int pushc_session_init(struct pushc_session *s, const struct pushc_mem *mem)
{
    s->mem = mem;
    return pushc_records_init(&s->records, mem, s->dedup);
}

static struct pushc_item *first_of(const struct pushc_list *list)
{
    return list->first ? PUSHC_LINKED(list->first, struct pushc_item) : NULL;
}

static void free_items(struct pushc_session *s, struct pushc_list *list)
{
    while (list->first) {
        struct pushc_item *item = first_of(list);

        pushc_list_remove(list, &item->link);
        pushc_mem_free(s->mem, item);
    }
}

void pushc_session_cleanup(struct pushc_session *s)
{
    if (!s->mem) {
        return;
    }
    pushc_session_connected(s);
    free_items(s, &s->queue);
    free_items(s, &s->held);
    pushc_mem_free(s->mem, s->ring);
    s->ring = NULL;
    pushc_records_cleanup(&s->records);
}

int pushc_id_split(const char *id, uint64_t *seq, char mid[PUSHC_MID_MAX])
{
    const char *p = id;
    size_t n;

    *seq = 0;
    mid[0] = '\0';
    while (*p >= '0' && *p <= '9') {
        if (p - id >= 19) {
            return 0;
        }
        *seq = *seq * 10 + (uint64_t)(*p++ - '0');
    }
    if (*seq == 0 || (*p != '.' && *p != '\0')) {
        *seq = 0;
        return 0;
    }
    if (*p == '.') {
        n = strcspn(++p, ".");
        if (n < PUSHC_MID_MAX) {
            memcpy(mid, p, n);
            mid[n] = '\0';
        }
    }
    return 1;
}

int pushc_session_restore(struct pushc_session *s, const char *cursor)
{
    char mid[PUSHC_MID_MAX];

    if (strlen(cursor) >= PUSHC_ID_MAX || !pushc_is_line(cursor)) {
        return PUSHC_ERR_ARGUMENT;
    }
    strcpy(s->cursor, cursor);
    pushc_id_split(cursor, &s->cursor_seq, mid);
    return PUSHC_OK;
}

/* ---- entries: the ids of the current stream ---- */

static struct pushc_entry *entry_at(const struct pushc_session *s, size_t i)
{
    return &s->ring[(s->ring_first + i) & (s->ring_size - 1)];
}

/* Make room for one more. */
static int reserve_entry(struct pushc_session *s)
{
    size_t size = s->ring_size ? s->ring_size * 2 : 16;
    struct pushc_entry *ring;
    size_t i;

    if (s->ring_count < s->ring_size) {
        return PUSHC_OK;
    }
    ring = pushc_mem_zalloc(s->mem, size * sizeof(*ring));
    if (!ring) {
        return PUSHC_ERR_MEMORY;
    }
    for (i = 0; i < s->ring_count; i++) {
        ring[i] = *entry_at(s, i);
    }
    pushc_mem_free(s->mem, s->ring);
    s->ring = ring;
    s->ring_size = size;
    s->ring_first = 0;
    return PUSHC_OK;
}

/* Add an entry, in the room that reserve_entry() made. */
static void add_entry(struct pushc_session *s, const struct pushc_block *block,
                      uint64_t seq, struct pushc_record *record)
{
    struct pushc_entry *e = entry_at(s, s->ring_count++);

    strcpy(e->id, block->id);
    e->seq = seq;
    e->ack_now = block->ack_now;
    e->record = record;
    if (record) {
        record->refs++;
    }
}

static void pop_entry(struct pushc_session *s)
{
    struct pushc_entry *e = entry_at(s, 0);

    if (e->record) {
        pushc_record_release(&s->records, e->record);
    }
    s->ring_first = (s->ring_first + 1) & (s->ring_size - 1);
    s->ring_count--;
}

/* Move the cursor over all that is done. */
static void advance(struct pushc_session *s)
{
    while (s->ring_count > 0) {
        struct pushc_entry *e = entry_at(s, 0);

        if (e->record && !e->record->done) {
            break;
        }
        strcpy(s->cursor, e->id);
        s->cursor_seq = e->seq;
        if (e->seq > 0) {
            s->unsent++;
            s->urgent |= e->ack_now;
        }
        if (e->record) {
            e->record->passed = 1;
        }
        pop_entry(s);
    }
}

void pushc_session_attempt(struct pushc_session *s)
{
    while (s->ring_count > 0) {
        pop_entry(s);
    }
}

void pushc_session_connected(struct pushc_session *s)
{
    pushc_session_attempt(s);
    pushc_session_ack_forget(s);
}

/* ---- receiving ---- */

static enum pushc_receipt receive_new(struct pushc_session *s,
                                      const struct pushc_block *block,
                                      uint64_t seq, const char *mid)
{
    struct pushc_item *item = pushc_item_create(s->mem, block, seq, mid);
    struct pushc_record *record = NULL;

    if (!item) {
        return PUSHC_RECEIVED_NO_MEMORY;
    }
    if (item->pub.id[0] != '\0') {
        record = pushc_record_create(&s->records, mid);
        if (!record) {
            pushc_mem_free(s->mem, item);
            return PUSHC_RECEIVED_NO_MEMORY;
        }
        record->refs++;
        add_entry(s, block, seq, record);
    }
    item->owner = s;
    item->record = record;
    pushc_list_append(&s->queue, &item->link);
    s->bytes += item->bytes;
    s->received++;
    return PUSHC_RECEIVED_NEW;
}

/* A message whose data were too large is done: its record tells repeats. */
static enum pushc_receipt receive_too_large(struct pushc_session *s,
                                            const struct pushc_block *block,
                                            uint64_t seq, const char *mid)
{
    struct pushc_record *record = NULL;

    if (block->id[0] != '\0') {
        record = pushc_record_create(&s->records, mid);
        if (!record) {
            return PUSHC_RECEIVED_NO_MEMORY;
        }
        record->done = 1;
        add_entry(s, block, seq, record);
        advance(s);
    }
    return PUSHC_RECEIVED_TOO_LARGE;
}

enum pushc_receipt pushc_session_receive(struct pushc_session *s,
                                         const struct pushc_block *block)
{
    struct pushc_block b = *block;
    struct pushc_record *record = NULL;
    char mid[PUSHC_MID_MAX] = "";
    uint64_t seq = 0;

    if (!b.has_id || strlen(b.id) >= PUSHC_ID_MAX) {
        b.id = "";
    }
    pushc_id_split(b.id, &seq, mid);
    if (b.id[0] != '\0' && reserve_entry(s)) {
        return PUSHC_RECEIVED_NO_MEMORY;
    }
    if (mid[0] != '\0') {
        record = pushc_record_find(&s->records, mid);
    }
    if (b.too_large && !record) {
        return receive_too_large(s, &b, seq, mid);
    }
    if (b.has_data && !record) {
        return receive_new(s, &b, seq, mid);
    }
    if (b.id[0] != '\0') {
        add_entry(s, &b, seq, record);
        advance(s);
    }
    s->repeated += b.has_data ? 1 : 0;
    return b.has_data ? PUSHC_RECEIVED_REPEAT : PUSHC_RECEIVED_ID;
}

int pushc_session_full(const struct pushc_session *s)
{
    return s->ring_count >= s->max_messages
           || s->queue.count + s->held.count >= s->max_messages
           || s->bytes >= s->max_bytes;
}

/* ---- handing over ---- */

uint64_t pushc_session_next_at(const struct pushc_session *s)
{
    const struct pushc_item *first = first_of(&s->queue);

    return !first ? 0 : first->not_before ? first->not_before : 1;
}

struct pushc_item *pushc_session_next(struct pushc_session *s, uint64_t now)
{
    struct pushc_item *item = first_of(&s->queue);

    if (!item || item->not_before > now) {
        return NULL;
    }
    pushc_list_remove(&s->queue, &item->link);
    pushc_list_append(&s->held, &item->link);
    item->held = 1;
    item->pub.attempt++;
    return item;
}

struct pushc_item *pushc_session_held(struct pushc_session *s,
                                      pushc_message *message)
{
    struct pushc_item *item = (struct pushc_item *)message;

    return item && item->owner == s && item->held ? item : NULL;
}

void pushc_session_done(struct pushc_session *s, struct pushc_item *item)
{
    struct pushc_record *record = item->record;

    pushc_list_remove(&s->held, &item->link);
    s->bytes -= item->bytes;
    s->done++;
    if (record) {
        record->done = 1;
        pushc_record_release(&s->records, record);
    }
    pushc_mem_free(s->mem, item);
    advance(s);
}

void pushc_session_retry(struct pushc_session *s, struct pushc_item *item,
                         uint64_t now)
{
    unsigned shift = item->pub.attempt > 16 ? 16 : item->pub.attempt - 1;
    uint64_t pause = (uint64_t)s->pause << shift;

    pushc_list_remove(&s->held, &item->link);
    item->held = 0;
    item->not_before = now + (pause > PAUSE_MAX ? PAUSE_MAX : pause);
    pushc_list_prepend(&s->queue, &item->link);
}

/* ---- acknowledging ---- */

int pushc_session_unacked(const struct pushc_session *s)
{
    return s->unsent > 0 && s->cursor_seq > 0;
}

int pushc_session_ack_urgent(const struct pushc_session *s)
{
    return pushc_session_unacked(s)
           && (s->urgent || s->unsent >= (s->window + 1) / 2);
}

void pushc_session_ack_forget(struct pushc_session *s)
{
    s->unsent = 0;
    s->sending = 0;
    s->urgent = 0;
}

void pushc_session_ack_begin(struct pushc_session *s)
{
    s->sending = s->unsent;
    s->unsent = 0;
    s->urgent = 0;
}

void pushc_session_ack_end(struct pushc_session *s, int taken)
{
    if (!taken) {
        s->unsent += s->sending;
    }
    s->sending = 0;
}
