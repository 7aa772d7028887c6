/* publication.c - one message to publish: its request or its line. */
#include "publication.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

#define KEY_LENGTH 22

/* ---- checks ---- */

/* NULL, or something that can stand in a header. */
static int is_word(const char *s, size_t max)
{
    size_t n = s ? strlen(s) : 1;

    return n >= 1 && n <= max && pushc_is_line(s);
}

static int is_legal(const pushc_outgoing *m)
{
    int audiences = (m->user != NULL) + (m->channel != NULL)
                    + (m->broadcast != 0);

    return audiences == 1 && (!m->device || m->user)
           && (m->data || m->length == 0) && m->ttl >= -1
           && is_word(m->user, 1024) && is_word(m->device, 128)
           && is_word(m->channel, 1024) && is_word(m->content_type, 255)
           && is_word(m->event, 64) && is_word(m->urgency, 16)
           && is_word(m->topic, 32) && is_word(m->key, PUSHC_KEY_MAX - 1);
}

/* ---- the request of a single message ---- */

/* Append "name: value" and its NUL. Its place is noted as an offset, since
 * the text may move. */
static void add_header(struct pushc_publication *pub, size_t *at,
                       const char *name, const char *value)
{
    if (value) {
        at[pub->header_count++] = pub->text.length;
        pushc_buf_str(&pub->text, name);
        pushc_buf_str(&pub->text, value);
        pushc_buf_add(&pub->text, "", 1);
    }
}

static void add_url(struct pushc_publication *pub, const pushc_outgoing *m)
{
    const pushc_options *o = &pub->set->o;

    pushc_buf_str(&pub->text, o->url);
    pushc_buf_str(&pub->text, "/messages");
    pushc_buf_query(&pub->text, "user", m->user);
    pushc_buf_query(&pub->text, "device", m->device);
    pushc_buf_query(&pub->text, "channel", m->channel);
    pushc_buf_query(&pub->text, "broadcast", m->broadcast ? "1" : NULL);
    pushc_buf_query_text(&pub->text, o->query);
    pushc_buf_add(&pub->text, "", 1);
}

static int make_request(struct pushc_publication *pub, const pushc_outgoing *m)
{
    size_t at[PUSHC_HEADERS_MAX];
    char ttl[24];
    unsigned i;

    snprintf(ttl, sizeof(ttl), "%ld", m->ttl);
    add_url(pub, m);
    add_header(pub, at, "Content-Type: ",
               m->content_type ? m->content_type : "text/plain");
    add_header(pub, at, "Idempotency-Key: ", pub->result.key);
    add_header(pub, at, "TTL: ", m->ttl >= 0 ? ttl : NULL);
    add_header(pub, at, "Urgency: ", m->urgency);
    add_header(pub, at, "Topic: ", m->topic);
    add_header(pub, at, "Push-Event: ", m->event);
    add_header(pub, at, "Prefer: ", m->receipt ? "respond-async" : NULL);
    pub->body = pub->text.length;
    pub->body_length = m->length;
    if (pushc_buf_add(&pub->text, m->data, m->length) != PUSHC_OK) {
        return PUSHC_ERR_MEMORY;
    }
    for (i = 0; i < pub->header_count; i++) {
        pub->headers[i] = pub->text.bytes + at[i];
    }
    return PUSHC_OK;
}

static int make_line(struct pushc_publication *pub, const pushc_outgoing *m)
{
    int status = pushc_json_line(&pub->text, m, pub->result.key);

    pub->body_length = pub->text.length;
    return status;
}

/* ---- life ---- */

static int make_key(struct pushc_publication *pub, const char *given)
{
    if (given) {
        strcpy(pub->result.key, given);
        return PUSHC_OK;
    }
    return pushc_random_name(pub->set, pub->result.key, KEY_LENGTH);
}

int pushc_publication_create(const struct pushc_settings *set,
                             const pushc_outgoing *m,
                             struct pushc_publication **out)
{
    pushc_outgoing copy = PUSHC_OUTGOING_INIT;
    struct pushc_publication *pub;
    int status;

    if (!m || m->size < 2 * sizeof(size_t) || m->size > 4096) {
        return PUSHC_ERR_ARGUMENT;
    }
    memcpy(&copy, m, m->size < sizeof(copy) ? m->size : sizeof(copy));
    if (!is_legal(&copy)) {
        return PUSHC_ERR_ARGUMENT;
    }
    pub = pushc_mem_zalloc(&set->mem, sizeof(*pub));
    if (!pub) {
        return PUSHC_ERR_MEMORY;
    }
    pub->set = set;
    pub->result.size = sizeof(pub->result);
    pub->result.ttl = -1;
    pub->result.recipients = -1;
    pub->result.connected = -1;
    pushc_buf_init(&pub->text, &set->mem);
    pushc_buf_init(&pub->answer, &set->mem);
    status = make_key(pub, copy.key);
    if (status == PUSHC_OK) {
        status = set->o.streaming ? make_line(pub, &copy)
                                  : make_request(pub, &copy);
    }
    if (status != PUSHC_OK) {
        pushc_publication_destroy(pub);
        return status;
    }
    *out = pub;
    return PUSHC_OK;
}

void pushc_publication_destroy(struct pushc_publication *pub)
{
    pushc_exchange_cancel(pub->exchange);
    pushc_buf_cleanup(&pub->text);
    pushc_buf_cleanup(&pub->answer);
    pushc_mem_free(&pub->set->mem, pub);
}

struct pushc_publication *pushc_publication_take(struct pushc_list *list)
{
    struct pushc_publication *pub = pushc_publication_of(list->first);

    if (pub) {
        pushc_list_remove(list, &pub->link);
    }
    return pub;
}

void pushc_publication_fail(struct pushc_publication *pub, int status,
                            long http_status, const char *detail)
{
    pub->result.status = status;
    pub->result.http_status = http_status;
    snprintf(pub->result.detail, sizeof(pub->result.detail), "%s",
             detail[0] ? detail : pushc_strerror(status));
}
