/* receive.c - bytes of the stream to the parser, to the session. */
#include "receive.h"

#include <string.h>

#include "json.h"
#include "polls.h"

/* Bounds of the largest event where the application gives none. */
#define EVENT_BYTES_LEAST ((size_t)1 << 20)
#define EVENT_BYTES_MOST  ((size_t)16 << 20)

/* Room for the names of fields, which stand in a line beside the data. */
#define FRAMING_BYTES 4096

/* The largest event: as configured, else the largest message of the server,
 * which is a third larger in base64. The server may keep messages that are
 * larger, from before its limit was lowered: hence the lower bound. */
static size_t event_bytes(const pushc_client *c, const struct pushc_head *head)
{
    uint64_t coded = head->max_message / 3 * 4 + FRAMING_BYTES;

    if (c->set.o.max_event_bytes > 0) {
        return c->set.o.max_event_bytes;
    }
    return coded < EVENT_BYTES_LEAST  ? EVENT_BYTES_LEAST
           : coded > EVENT_BYTES_MOST ? EVENT_BYTES_MOST
                                      : (size_t)coded;
}

/* The smaller one of our window and the server's. */
static unsigned window(const pushc_client *c, const struct pushc_head *head)
{
    return head->window > 0 && head->window < c->set.o.window
               ? (unsigned)head->window
               : c->set.o.window;
}

/* 200 is a stream, or a poll; 204 is a poll that has nothing. */
static int is_open(const pushc_client *c, const struct pushc_answer *answer)
{
    return answer->http_status == 200
           || (answer->http_status == 204 && pushc_client_polls(c));
}

static int on_head(void *ctx, const struct pushc_answer *answer)
{
    pushc_client *c = ctx;

    c->last_byte = pushc_now(&c->set);
    if (!is_open(c, answer)) {
        return 0;
    }
    if (answer->http_status == 200
        && !pushc_head_is_stream(answer->content_type)) {
        pushc_client_fault(c, PUSHC_ERR_PROTOCOL,
                           "the answer is not text/event-stream");
        return -1;
    }
    c->parser.max = event_bytes(c, &answer->head);
    strcpy(c->numbering, answer->head.session);
    pthread_mutex_lock(&c->source.lock);
    pushc_session_connected(&c->session);
    if (answer->head.cursor[0] != '\0' && pushc_client_polls(c)) {
        pushc_session_restore(&c->session, answer->head.cursor);
    }
    c->session.window = window(c, &answer->head);
    c->opened++;
    pthread_mutex_unlock(&c->source.lock);
    c->generation++;
    c->end_answer.http_status = answer->http_status;
    c->opened_at = c->last_byte;
    c->state = PUSHC_OPEN;
    return 0;
}

static void on_gap(pushc_client *c, const struct pushc_block *block)
{
    pushc_event event = {.kind = PUSHC_GAP};
    struct pushc_notice notice;

    pushc_json_notice(block->data, block->length, &notice);
    if (!pushc_polls_untold(c, &notice)) {
        return;
    }
    event.dropped = notice.dropped;
    event.detail = notice.reason;
    event.urgency = notice.urgency;
    pushc_client_report(c, &event);
}

static void on_bye(pushc_client *c, const struct pushc_block *block)
{
    pushc_event event = {.kind = PUSHC_BYE, .urgency = ""};
    struct pushc_notice notice;

    pushc_json_notice(block->data, block->length, &notice);
    c->bye = 1;
    c->spread = notice.spread;
    c->superseded = strcmp(notice.reason, "superseded") == 0;
    c->expired = strcmp(notice.reason, "expired-token") == 0;
    event.detail = notice.reason;
    event.delay_ms = notice.spread;
    pushc_client_report(c, &event);
}

static void on_too_large(pushc_client *c, const struct pushc_block *block)
{
    pushc_event event = {.kind = PUSHC_SKIPPED};

    event.status = PUSHC_ERR_TOO_LARGE;
    event.detail = "a message is above max_event_bytes";
    event.id = block->has_id ? block->id : "";
    pushc_client_report(c, &event);
}

/* Take a block of the stream. 0, or the stream has failed. */
static int on_block(pushc_client *c, const struct pushc_block *block)
{
    enum pushc_receipt receipt;

    if (block->has_data && strcmp(block->event, "push.gap") == 0) {
        on_gap(c, block);
        return 0;
    }
    if (block->has_data && strcmp(block->event, "push.bye") == 0) {
        on_bye(c, block);
        return 0;
    }
    if (!block->has_id
        && (strncmp(block->event, "push.", 5) == 0
            || strcmp(block->event, "heartbeat") == 0)) {
        return 0;
    }
    pthread_mutex_lock(&c->source.lock);
    receipt = pushc_session_receive(&c->session, block);
    if (receipt == PUSHC_RECEIVED_NEW) {
        pthread_cond_broadcast(&c->source.changed);
    }
    c->news |= receipt == PUSHC_RECEIVED_NEW || c->session.ring_count == 0;
    pthread_mutex_unlock(&c->source.lock);
    if (receipt == PUSHC_RECEIVED_NO_MEMORY) {
        pushc_client_fault(c, PUSHC_ERR_MEMORY, "no memory for a message");
        return -1;
    }
    if (receipt == PUSHC_RECEIVED_TOO_LARGE) {
        on_too_large(c, block);
    }
    return 0;
}

static int is_full(pushc_client *c)
{
    int full;

    pthread_mutex_lock(&c->source.lock);
    full = pushc_session_full(&c->session);
    pthread_mutex_unlock(&c->source.lock);
    return full;
}

static void set_throttled(pushc_client *c, int throttled)
{
    pthread_mutex_lock(&c->source.lock);
    c->throttled = throttled;
    pthread_mutex_unlock(&c->source.lock);
}

/* Parse until the bytes end, or, unless all is wanted, the session is full.
 * 0, or the stream has failed. */
static int consume(pushc_client *c, const char **bytes, size_t *left, int all)
{
    struct pushc_block block;

    while (*left > 0 && (all || !is_full(c))) {
        switch (pushc_parser_next(&c->parser, bytes, left, &block)) {
        case PUSHC_PARSED_BLOCK:
            if (on_block(c, &block) != 0) {
                return -1;
            }
            break;
        case PUSHC_PARSED_TOO_LARGE:
            pushc_client_fault(c, PUSHC_ERR_TOO_LARGE,
                               "an event or a line is above max_event_bytes");
            return -1;
        case PUSHC_PARSED_NO_MEMORY:
            pushc_client_fault(c, PUSHC_ERR_MEMORY, "no memory for an event");
            return -1;
        case PUSHC_PARSED_ALL:
            break;
        }
    }
    if (c->parser.retry) {
        c->base = c->parser.retry;
    }
    return 0;
}

static enum pushc_taken on_body(void *ctx, const char *bytes, size_t n)
{
    pushc_client *c = ctx;

    if (c->state != PUSHC_OPEN) {
        return PUSHC_TAKEN; /* the body of a 2xx that is no stream */
    }
    c->last_byte = pushc_now(&c->set);
    c->proven = 1;
    if (c->backlog.length > 0) {
        c->paused = 1;
        return PUSHC_TAKE_PAUSE;
    }
    if (consume(c, &bytes, &n, 0) != 0) {
        return PUSHC_TAKE_ABORT;
    }
    if (n > 0) {
        c->backlog_at = 0;
        if (pushc_buf_add(&c->backlog, bytes, n) != PUSHC_OK) {
            pushc_client_fault(c, PUSHC_ERR_MEMORY,
                               "no memory for what was read");
            return PUSHC_TAKE_ABORT;
        }
        set_throttled(c, 1);
    }
    return PUSHC_TAKEN;
}

/* Parse from the backlog, and go on reading once it is empty. */
static void consume_backlog(pushc_client *c, int all)
{
    const char *bytes = c->backlog.bytes + c->backlog_at;
    size_t left = c->backlog.length - c->backlog_at;

    if (consume(c, &bytes, &left, all) != 0) {
        pushc_buf_cleanup(&c->backlog);
        pushc_client_abort(c);
        return;
    }
    c->backlog_at = c->backlog.length - left;
    if (left > 0) {
        return;
    }
    c->backlog.length = 0;
    c->backlog_at = 0;
    set_throttled(c, 0);
    c->last_byte = pushc_now(&c->set);
    if (c->paused && c->stream) {
        c->paused = 0;
        pushc_exchange_resume(c->stream);
    }
}

void pushc_receive_backlog(pushc_client *c, int all)
{
    /* is_full() is asked after each part: a thread that makes room before it
     * sees throttled set does not wake the driving thread. */
    while (c->backlog.length > 0 && (all || !is_full(c))) {
        consume_backlog(c, all);
    }
}

static void on_done(void *ctx, int status, struct pushc_answer *answer)
{
    pushc_client *c = ctx;

    c->stream = NULL;
    c->ended = 1;
    c->end_status = status;
    pushc_mem_free(&c->set.mem, c->end_answer.location);
    c->end_answer = *answer;
    answer->location = NULL;
}

const struct pushc_exchange_ops pushc_receive_ops = {on_head, on_body, NULL,
                                                     on_done};
