#include "http/subscribe/subscriber.h"

#include <apr_strings.h>
#include <sys/random.h>

#include "codec/websocket.h"
#include "core/text.h"
#include "http/checks.h"
#include "http/endpoint.h"
#include "http/identity/pattern.h"
#include "http/runtime.h"
#include "http/subscribe/ticket.h"

#define SESSION_MAX  32u /* characters of Push-Session */
#define IMPLICIT_MIN 256 /* messages in half of a window that slides */

/*
 * All operators are one user, whatever the limits of users are: so many may
 * follow at a time, and as many devices are remembered.
 */
#define OPERATORS_MIN 32u

static const push_problem_t *bad(const push_subscriber_t *s, const char *name,
                                 const char *legal)
{
    return push_problem(s->params.pool, 400, "bad-parameter", "%s: %s", name,
                        legal);
}

/* ---- the cursor ---- */

static const push_problem_t *parse_cursor(push_subscriber_t *s,
                                          const char *name, const char *text)
{
    if (!push_cursor_parse(text, strlen(text), &s->cursor)) {
        return bad(s, name,
                   "SEQ, SEQ.MID or SEQ.MID.DEVICE, where SEQ is a "
                   "number from 0 to 2^63 - 1 and MID 11 "
                   "characters of base62");
    }
    s->checkin.cursor = &s->cursor;
    return NULL;
}

/* The header wins: a browser repeats the query of its first request. */
static const push_problem_t *parse_cursors(request_rec *r,
                                           push_subscriber_t *s)
{
    static const char *const names[] = {"id", "last_event_id", "lastEventID",
                                        "lastEventId"};
    const char *header = apr_table_get(r->headers_in, "Last-Event-ID");
    const char *seq = NULL;
    const push_problem_t *problem = push_params_one(&s->params, "seq", &seq);

    if (!problem && seq) {
        problem = parse_cursor(s, "seq", seq);
        s->checkin.explicit_acks = true;
        if (!problem && s->cursor.has_mid) {
            problem = bad(s, "seq", "a number from 0 to 2^63 - 1");
        }
    }
    for (size_t i = 0; !problem && i < sizeof(names) / sizeof(names[0]); i++) {
        const char *id = NULL;

        problem = push_params_one(&s->params, names[i], &id);
        if (!problem && id) {
            problem = parse_cursor(s, names[i], id);
        }
        if (!problem && id && !i && !s->cursor.has_mid) {
            problem = bad(s, names[i], "SEQ.MID or SEQ.MID.DEVICE");
        }
    }
    if (!problem && header && *header) {
        problem = parse_cursor(s, "Last-Event-ID", header);
    }
    return problem;
}

/* ---- the device ---- */

static const push_problem_t *parse_label(push_subscriber_t *s,
                                         push_label_t label, const char *name)
{
    const char *value = NULL;
    const push_problem_t *problem = push_params_one(&s->params, name, &value);
    push_text_t *text = &s->checkin.labels[label];

    *text = push_text_of(value);
    if (problem || !value) {
        return problem;
    }
    if (!text->len || text->len > PUSH_APP_MAX || !push_name_valid(*text)) {
        return bad(s, name, "1-64 bytes of UTF-8 without controls");
    }
    return NULL;
}

static void use_device(push_subscriber_t *s, const char *device)
{
    apr_cpystrn(s->device, device, sizeof(s->device));
    s->checkin.labels[PUSH_LABEL_DEVICE] = push_text_of(s->device);
    s->checkin.made_up = true;
}

static bool is_only_made_up(const push_subscriber_t *s, char *device)
{
    push_broker_t *broker = push_broker();

    return broker->only_made_up(broker, s->checkin.user,
                                s->checkin.labels[PUSH_LABEL_APP], device);
}

/*
 * The device id: as given; as the cursor carries it; or that of the only
 * context of this user that never had one of its own, if a plain client shows
 * a seq.  Empty if it is none of these.
 */
static const push_problem_t *parse_device(push_subscriber_t *s)
{
    const char *device = NULL;
    const push_problem_t *problem = push_params_one(&s->params, "device",
                                                    &device);
    char made_up[PUSH_DEVICE_MAX + 1];

    if (problem) {
        return problem;
    }
    if (device) {
        s->checkin.labels[PUSH_LABEL_DEVICE] = push_text_of(device);
        return push_device_valid(device, strlen(device))
                   ? NULL
                   : bad(s, "device", "1-128 of A-Z a-z 0-9 . _ ~ -");
    }
    if (s->cursor.device[0]) {
        use_device(s, s->cursor.device);
    }
    else if (s->checkin.cursor && s->cursor.seq
             && is_only_made_up(s, made_up)) {
        use_device(s, made_up);
    }
    return NULL;
}

static const push_problem_t *make_up_device(push_subscriber_t *s)
{
    unsigned char random[PUSH_MADE_UP_CHARS];
    char device[PUSH_MADE_UP_CHARS + 1];

    if (s->checkin.labels[PUSH_LABEL_DEVICE].len) {
        return NULL;
    }
    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        return push_problem(s->params.pool, 503, "busy",
                            "no randomness for a device id");
    }
    push_device_make_up(random, device);
    use_device(s, device);
    return NULL;
}

/* Who the administration has let in. */
static const push_problem_t *identify_operator(request_rec *r,
                                               push_subscriber_t *s)
{
    s->checkin.user = push_text_of(PUSH_OPERATOR);
    return push_identify_operator(r, &s->params, &s->identity);
}

/* A stream may be opened by a ticket, nothing else may be done by one. */
static const push_problem_t *identify(request_rec *r, push_subscriber_t *s)
{
    const char *ticket = NULL;
    const push_problem_t *problem = NULL;

    if (push_endpoint_is_admin(r)) {
        return identify_operator(r, s);
    }
    if (s->takes_ticket) {
        problem = push_params_one(&s->params, "ticket", &ticket);
    }
    if (problem) {
        return problem;
    }
    s->by_ticket = ticket != NULL;
    problem = ticket
                  ? push_ticket_identify(r, &s->params, ticket, &s->identity)
                  : push_identify(r, &s->params, &s->identity);
    s->checkin.user = s->identity.user;
    return problem;
}

static const push_problem_t *parse_identity(request_rec *r,
                                            push_subscriber_t *s)
{
    return push_check_query(r, &s->params)
        ?: identify(r, s)
        ?: parse_cursors(r, s)
        ?: parse_label(s, PUSH_LABEL_APP, "app")
        ?: parse_device(s);
}

/* ---- wishes ---- */

/*
 * Closed, unless the configuration or the token opens it.  Operators follow
 * the server's own channels and no other.
 */
static bool channel_allowed(const request_rec *r,
                            const push_identity_t *identity,
                            const char *channel)
{
    const apr_array_header_t *list = push_settings(r)->channels;

    if (push_endpoint_is_admin(r)) {
        return *channel == '$';
    }
    for (int i = 0; list && i < list->nelts; i++) {
        if (push_pattern_matches(APR_ARRAY_IDX(list, i, const char *),
                                 channel)) {
            return true;
        }
    }
    return push_claims_match(identity->channels, channel);
}

static const push_problem_t *closed_channel(const request_rec *r,
                                            const push_subscriber_t *s,
                                            const char *channel)
{
    const char *by = push_endpoint_is_admin(r)
                         ? "here: only those that begin with $"
                     : s->identity.by_token ? "(PushChannels, or the token)"
                                            : "(PushChannels)";

    return push_problem(r->pool, 403, "channel-closed",
                        "channel: %s is not one of those that may be "
                        "subscribed %s",
                        channel, by);
}

static const push_problem_t *parse_channels(request_rec *r,
                                            push_subscriber_t *s)
{
    apr_array_header_t *names = push_params_all(&s->params, "channel");
    push_text_t *channels = apr_pcalloc(r->pool, (size_t)names->nelts
                                                     * sizeof(*channels));

    if (names->nelts > push_settings(r)->max_channels_device) {
        return push_problem(r->pool, 400, "bad-parameter",
                            "channel: at most %" APR_INT64_T_FMT
                            " channels a device (PushMaxChannelsPerDevice)",
                            push_settings(r)->max_channels_device);
    }
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        channels[i] = push_text_of(name);
        if (!push_name_valid(channels[i])) {
            return bad(s, "channel", "1-255 bytes of UTF-8 without controls");
        }
        if (!channel_allowed(r, &s->identity, name)) {
            return closed_channel(r, s, name);
        }
    }
    s->checkin.channels = channels;
    s->checkin.channels_count = (unsigned)names->nelts;
    return NULL;
}

/* One of two words, or the first one's meaning when it is absent. */
static const push_problem_t *parse_choice(push_subscriber_t *s,
                                          const char *name,
                                          const char *const words[2],
                                          int *choice)
{
    const char *value = NULL;
    const push_problem_t *problem = push_params_one(&s->params, name, &value);

    if (problem || !value) {
        return problem;
    }
    for (int i = 0; i < 2; i++) {
        if (words[i] && !strcmp(value, words[i])) {
            *choice = i;
            return NULL;
        }
    }
    return bad(s, name,
               words[1] ? apr_pstrcat(s->params.pool, words[0], " or ",
                                      words[1], NULL)
                        : words[0]);
}

static const push_problem_t *parse_urgency(push_subscriber_t *s)
{
    const char *value = NULL;
    const push_problem_t *problem = push_params_one(&s->params, "urgency",
                                                    &value);

    s->checkin.lowest = PUSH_VERY_LOW;
    if (!problem && value
        && !push_urgency_parse(push_text_of(value), &s->checkin.lowest)) {
        problem = bad(s, "urgency", "high, normal, low or very-low");
    }
    return problem;
}

static unsigned meta_of(const char *word, size_t len)
{
    static const push_text_t words[] = {{"type", 4},
                                        {"channel", 7},
                                        {"urgency", 7},
                                        {"time", 4},
                                        {"trace", 5}};

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (len == words[i].len && !memcmp(word, words[i].at, len)) {
            return 1u << i;
        }
    }
    return 0;
}

_Static_assert(PUSH_META_TYPE == 1u << 0 && PUSH_META_CHANNEL == 1u << 1
                   && PUSH_META_URGENCY == 1u << 2 && PUSH_META_TIME == 1u << 3
                   && PUSH_META_TRACE == 1u << 4,
               "meta_of() has the words in this order");

/* The members that each message is to carry besides; words between commas. */
static const push_problem_t *parse_meta(push_subscriber_t *s)
{
    const char *value = NULL;
    const push_problem_t *problem = push_params_one(&s->params, "meta",
                                                    &value);

    while (!problem && value) {
        size_t len = strcspn(value, ",");
        unsigned meta = meta_of(value, len);

        if (!meta) {
            problem = bad(s, "meta",
                          "some of type, channel, urgency, time and trace, "
                          "with a comma between two");
        }
        s->meta |= meta;
        value = value[len] ? value + len + 1 : NULL;
    }
    return problem;
}

/*
 * By a subprotocol a client acknowledges unless it says otherwise; who gets
 * bare payloads cannot.
 */
static const push_problem_t *choose_acks(push_subscriber_t *s, int asked)
{
    if (s->wait.websocket && s->wait.codec == &push_codec_bare && asked > 0) {
        return bad(s, "ack",
                   "implicit: without a subprotocol no message has an id");
    }
    if (s->wait.websocket) {
        s->checkin.explicit_acks = s->wait.codec != &push_codec_bare
                                   && asked != 0;
        return NULL;
    }
    /* The cursor of the next poll says what has come, and nothing else does. */
    s->checkin.explicit_acks =
        s->wait.polls || (asked < 0 ? s->checkin.explicit_acks : asked);
    return NULL;
}

static const push_problem_t *parse_wishes(request_rec *r, push_subscriber_t *s)
{
    static const char *const acks[2] = {"implicit", "explicit"};
    static const char *const from[2] = {"now", "oldest"};
    static const char *const beats[2] = {"event", NULL};
    int explicit_acks = -1;
    int oldest = 0;
    int event = -1;
    const push_problem_t *problem =
        parse_choice(s, "ack", acks, &explicit_acks)
        ?: parse_choice(s, "from", from, &oldest)
        ?: parse_choice(s, "heartbeat", beats, &event)
        ?: push_wait_parse(r, &s->params, &s->wait)
        ?: choose_acks(s, explicit_acks)
        ?: parse_meta(s)
        ?: parse_urgency(s);

    s->checkin.from_oldest = oldest;
    s->event_beats = event == 0;
    return problem;
}

static const push_problem_t *parse_labels(push_subscriber_t *s)
{
    static const struct {
        push_label_t label;
        const char *name;
    } rows[] = {{PUSH_LABEL_APP_VERSION, "app_version"},
                {PUSH_LABEL_OS, "os"},
                {PUSH_LABEL_OS_VERSION, "os_version"},
                {PUSH_LABEL_LOCALE, "locale"}};
    const push_problem_t *problem = NULL;

    for (size_t i = 0; !problem && i < sizeof(rows) / sizeof(rows[0]); i++) {
        problem = parse_label(s, rows[i].label, rows[i].name);
    }
    return problem;
}

/*
 * A window that slides waits for TCP, which may take 40 ms to acknowledge
 * what is less than a segment: a small one would slow its stream down.
 */
static uint32_t window_of(const push_settings_t *settings,
                          const push_subscriber_t *s)
{
    int64_t most = settings->max_in_flight;

    if (!s->checkin.explicit_acks && most < IMPLICIT_MIN) {
        most = IMPLICIT_MIN;
    }
    return (uint32_t)most;
}

/* The limits of a user, or those of all operators together. */
static void set_limits(const push_settings_t *settings,
                       push_checkin_t *checkin, bool operators)
{
    uint32_t least = operators ? OPERATORS_MIN : 0;

    checkin->max_streams = (uint32_t)settings->max_streams_user;
    checkin->max_devices = (uint32_t)settings->max_devices_user;
    checkin->max_subscriptions = (uint32_t)settings->max_channels_user;
    checkin->max_streams_address = (uint32_t)settings->max_streams_address;
    if (checkin->max_streams < least) {
        checkin->max_streams = least;
    }
    if (checkin->max_devices < least) {
        checkin->max_devices = least;
    }
    if (operators) {
        /* There are few such channels: who reloads a page is not refused. */
        checkin->max_subscriptions = PUSH_DEVICES_MAX * PUSH_CHANNELS_MAX;
    }
}

/* Whether PushTrace names the user. */
static bool is_traced(apr_pool_t *pool, push_text_t user)
{
    const apr_array_header_t *traced = push_runtime()->traced;
    const char *name = traced ? apr_pstrmemdup(pool, user.at, user.len) : NULL;

    for (int i = 0; traced && i < traced->nelts; i++) {
        if (push_pattern_matches(APR_ARRAY_IDX(traced, i, const char *),
                                 name)) {
            return true;
        }
    }
    return false;
}

void push_subscriber_limit(request_rec *r, push_subscriber_t *s)
{
    const push_settings_t *settings = push_settings(r);
    const char *agent = apr_table_get(r->headers_in, "User-Agent");

    s->checkin.labels[PUSH_LABEL_ADDRESS] = push_text_of(r->useragent_ip);
    s->checkin.labels[PUSH_LABEL_USER_AGENT] = push_text_of(agent);
    s->checkin.traced = is_traced(r->pool, s->checkin.user);
    s->checkin.max_in_flight = window_of(settings, s);
    set_limits(settings, &s->checkin, push_endpoint_is_admin(r));
}

const push_problem_t *push_subscriber_parse(request_rec *r,
                                            push_subscriber_t *s)
{
    const push_problem_t *problem;

    memset(s, 0, sizeof(*s));
    s->takes_ticket = true;
    problem = parse_identity(r, s)
        ?: parse_labels(s)
        ?: parse_channels(r, s)
        ?: parse_wishes(r, s)
        ?: make_up_device(s);
    if (!problem) {
        push_subscriber_limit(r, s);
    }
    return problem;
}

/*
 * A token that no stream can have had is a session all the same: another one.
 */
static const push_problem_t *parse_session(push_subscriber_t *s)
{
    static const char legal[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz_-";
    const char *text = NULL;
    const push_problem_t *problem = push_params_one(&s->params, "session",
                                                    &text);
    size_t len = text ? strlen(text) : 0;

    if (problem || !text) {
        return problem;
    }
    if (!len || len > SESSION_MAX || text[strspn(text, legal)]) {
        return bad(s, "session", "1-32 of A-Z a-z 0-9 _ -");
    }
    s->cursor.has_session = true;
    if (!push_mid_parse(text, len, &s->cursor.session)) {
        s->cursor.session = 0;
    }
    return NULL;
}

static const push_problem_t *check_device(const push_subscriber_t *s)
{
    return s->checkin.labels[PUSH_LABEL_DEVICE].len
               ? NULL
               : bad(s, "device",
                     "missing: 1-128 of A-Z a-z 0-9 . _ ~ -, or an id that "
                     "carries it");
}

const push_problem_t *push_subscriber_parse_ack(request_rec *r,
                                                push_subscriber_t *s)
{
    const push_problem_t *problem;

    memset(s, 0, sizeof(*s));
    problem = parse_identity(r, s);
    if (!problem && !s->checkin.cursor) {
        problem = bad(s, "seq",
                      "missing: seq=N or id=SEQ.MID says up to "
                      "where");
    }
    return problem ?: check_device(s) ?: parse_session(s);
}

const push_problem_t *push_subscriber_parse_device(request_rec *r,
                                                   push_subscriber_t *s)
{
    memset(s, 0, sizeof(*s));
    return parse_identity(r, s) ?: check_device(s);
}

const push_problem_t *push_subscriber_parse_channel(request_rec *r,
                                                    push_subscriber_t *s,
                                                    const char **channel)
{
    const push_problem_t *problem;

    memset(s, 0, sizeof(*s));
    problem = push_check_query(r, &s->params)
        ?: identify(r, s)
        ?: push_params_one(&s->params, "channel", channel)
        ?: parse_channels(r, s);
    if (!problem && !*channel) {
        problem = bad(s, "channel", "missing: 1-255 bytes of UTF-8");
    }
    return problem;
}
