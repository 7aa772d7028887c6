/*
 * The event stream parser of the C SDK.
 *
 * Whatever the bytes, and wherever they are cut, the parser finds the same
 * blocks, the same last event id, the same retry and the same error. The
 * session that gets the blocks is exercised along with it.
 */
#include "parser.h"
#include "session.h"

#include "fuzz.h"

#define MAX_EVENT 300

/* FNV-1a over all that the parser says. */
struct digest {
    uint64_t h;
};

static void add(struct digest *d, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    while (n-- > 0) {
        d->h = (d->h ^ *p++) * 1099511628211u;
    }
    d->h = (d->h ^ 0x100) * 1099511628211u;
}

static void add_block(struct digest *d, const struct pushc_block *b)
{
    if (strlen(b->data) > b->length || b->data[b->length] != '\0') {
        abort();
    }
    add(d, b->event, strlen(b->event));
    add(d, b->id, strlen(b->id));
    add(d, b->data, b->length);
    add(d, b->encoding ? b->encoding : "",
        strlen(b->encoding ? b->encoding : ""));
    add(d, &b->has_id, sizeof(int));
    add(d, &b->has_data, sizeof(int));
    add(d, &b->ack_now, sizeof(int));
}

/* Feed bytes in pieces of the sizes that cuts names, over and over. */
static uint64_t parse(const uint8_t *bytes, size_t n, const uint8_t *cuts,
                      size_t cut_count, struct pushc_session *session)
{
    struct pushc_mem mem = pushc_mem_make(NULL, NULL);
    struct digest d = {14695981039346656037u};
    struct pushc_parser p;
    struct pushc_block block;
    size_t at = 0, i = 0;
    enum pushc_parsed got = PUSHC_PARSED_ALL;

    pushc_parser_init(&p, &mem, MAX_EVENT);
    while (at < n && got == PUSHC_PARSED_ALL) {
        size_t size = cut_count ? 1u + cuts[i++ % cut_count] % 32 : n;
        char *piece;
        const char *next;

        size = size < n - at ? size : n - at;
        piece = malloc(size);
        if (!piece) {
            abort();
        }
        memcpy(piece, bytes + at, size);
        at += size;
        next = piece;
        do {
            got = pushc_parser_next(&p, &next, &size, &block);
            if (got == PUSHC_PARSED_BLOCK) {
                add_block(&d, &block);
                if (session && !pushc_session_full(session)) {
                    pushc_session_receive(session, &block);
                }
            }
        } while (got == PUSHC_PARSED_BLOCK);
        free(piece);
    }
    add(&d, &p.retry, sizeof(p.retry));
    add(&d, &got, sizeof(got));
    add(&d, p.last_id.bytes ? p.last_id.bytes : "", p.last_id.length);
    pushc_parser_cleanup(&p);
    return d.h;
}

static void hand_over_all(struct pushc_session *s)
{
    struct pushc_item *item = pushc_session_next(s, 0);

    while (item) {
        pushc_session_done(s, item);
        item = pushc_session_next(s, 0);
    }
    if (s->ring_count != 0 || s->bytes != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct pushc_mem mem = pushc_mem_make(NULL, NULL);
    struct pushc_session session = {
        .window = 16, .max_messages = 64, .max_bytes = 4096, .dedup = 16};
    size_t cuts = size < 8 ? 0 : 4;
    uint64_t whole;

    if (pushc_session_init(&session, &mem) != PUSHC_OK) {
        abort();
    }
    whole = parse(bytes + cuts, size - cuts, NULL, 0, &session);
    hand_over_all(&session);
    pushc_session_cleanup(&session);
    if (cuts && whole != parse(bytes + cuts, size - cuts, bytes, cuts, NULL)) {
        abort();
    }
    if (whole
        != parse(bytes + cuts, size - cuts, (const uint8_t *)"", 1, NULL)) {
        abort();
    }
    return 0;
}
