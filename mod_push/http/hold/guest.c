#include "http/hold/guest.h"

#include <apr_strings.h>
#include <http_log.h>
#include <sys/random.h>

#include "codec/json.h"
#include "codec/sse.h"
#include "codec/verbatim.h"
#include "http/identity/pattern.h"
#include "http/verbatim.h"

APLOG_USE_MODULE(push);

/* How users begin that are nobody's name. */
#define NOBODY "$hold/"

static bool matches(const apr_array_header_t *patterns, const char *name)
{
    for (int i = 0; patterns && i < patterns->nelts; i++) {
        if (push_pattern_matches(APR_ARRAY_IDX(patterns, i, const char *),
                                 name)) {
            return true;
        }
    }
    return false;
}

static const push_problem_t *check_channels(request_rec *r,
                                            const push_asked_t *asked)
{
    const push_capture_settings_t *capture = &push_settings(r)->capture;

    for (int i = 0; i < asked->channels->nelts; i++) {
        push_text_t name = APR_ARRAY_IDX(asked->channels, i, push_text_t);

        if (!matches(capture->holds, name.at)) {
            return push_asked_bad(r->pool,
                                  "Push-Channel: %s is not one of those that "
                                  "may be held here (PushCaptureAllow hold:)",
                                  name.at);
        }
    }
    return NULL;
}

/* ---- where it stands, and on which device ---- */

/*
 * An application's own events had ids, too: a client that shows one of those
 * stands nowhere.
 */
static void read_cursor(request_rec *r, push_subscriber_t *guest)
{
    const char *text = apr_table_get(r->headers_in, "Last-Event-ID");

    if (text && *text) {
        if (push_cursor_parse(text, strlen(text), &guest->cursor)
            && guest->cursor.has_mid) {
            guest->checkin.cursor = &guest->cursor;
        }
        else {
            memset(&guest->cursor, 0, sizeof(guest->cursor));
            ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                          "PUSH0320: a Last-Event-ID that is none of ours");
        }
    }
}

/* The query is the application's: one that is malformed is none to us. */
static void read_query(request_rec *r, push_subscriber_t *guest)
{
    if (push_params_parse(r, &guest->params)) {
        guest->params.list = apr_array_make(r->pool, 1, sizeof(push_param_t));
    }
    guest->params.pool = r->pool;
}

static void use_device(push_subscriber_t *guest, const char *device,
                       bool made_up)
{
    apr_cpystrn(guest->device, device, sizeof(guest->device));
    guest->checkin.labels[PUSH_LABEL_DEVICE] = push_text_of(guest->device);
    guest->checkin.made_up = made_up;
}

/* Twice as long as others that are made up, since it may be all that tells
 * one nobody from another. */
static const push_problem_t *make_up(request_rec *r, push_subscriber_t *guest)
{
    unsigned char random[2 * PUSH_MADE_UP_CHARS];
    char device[2 * PUSH_MADE_UP_CHARS + 1];

    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        return push_problem(r->pool, 503, "busy",
                            "no randomness for a device id");
    }
    push_device_make_up(random, device);
    push_device_make_up(random + PUSH_MADE_UP_CHARS,
                        device + PUSH_MADE_UP_CHARS);
    use_device(guest, device, true);
    return NULL;
}

static const push_problem_t *find_device(request_rec *r,
                                         const push_asked_t *asked,
                                         push_subscriber_t *guest)
{
    const char *device = asked->device;
    const push_problem_t *problem = NULL;

    if (asked->verbatim) {
        return make_up(r, guest);
    }
    if (!device) {
        problem = push_params_one(&guest->params, "device", &device);
    }
    if (!problem && device && !push_device_valid(device, strlen(device))) {
        problem = push_problem(r->pool, 400, "bad-parameter",
                               "device: 1-128 of A-Z a-z 0-9 . _ ~ -");
    }
    if (problem) {
        return problem;
    }
    if (device) {
        use_device(guest, device, false);
    }
    else if (guest->cursor.device[0]) {
        use_device(guest, guest->cursor.device, true);
    }
    else {
        return make_up(r, guest);
    }
    return NULL;
}

/* ---- who it is ---- */

static const push_problem_t *identify(request_rec *r,
                                      const push_asked_t *asked,
                                      push_subscriber_t *guest)
{
    const push_settings_t *settings = push_settings(r);

    if (asked->user) {
        guest->identity.user = push_text_of(asked->user);
        return matches(settings->capture.hold_users, asked->user)
                   ? NULL
                   : push_asked_bad(r->pool,
                                    "Push-User: %s is not one of those that "
                                    "may be held here (PushCaptureAllow "
                                    "hold-user:)",
                                    asked->user);
    }
    if (!asked->verbatim
        && (settings->user_kind != PUSH_USER_UNSET || r->user)) {
        return push_identify(r, &guest->params, &guest->identity);
    }
    guest->identity.user = push_text_of(
        apr_pstrcat(r->pool, NOBODY, guest->device, NULL));
    return NULL;
}

/* Whole answers have channels beside those of messages. */
static void follow(request_rec *r, const push_asked_t *asked,
                   push_subscriber_t *guest)
{
    push_text_t *names = (push_text_t *)(void *)asked->channels->elts;

    for (int i = 0; asked->verbatim && i < asked->channels->nelts; i++) {
        names[i] = push_text_of(apr_psprintf(r->pool,
                                             PUSH_VERBATIM_CHANNELS "%.*s",
                                             (int)names[i].len, names[i].at));
    }
    guest->checkin.channels = names;
}

const push_problem_t *push_guest(request_rec *r, const push_asked_t *asked,
                                 push_subscriber_t *guest)
{
    const push_problem_t *problem;

    memset(guest, 0, sizeof(*guest));
    read_query(r, guest);
    if (!asked->verbatim) {
        read_cursor(r, guest);
    }
    problem = check_channels(r, asked)
        ?: find_device(r, asked, guest)
        ?: identify(r, asked, guest);
    guest->checkin.user = guest->identity.user;
    follow(r, asked, guest);
    guest->checkin.channels_count = (unsigned)asked->channels->nelts;
    guest->checkin.lowest = PUSH_VERY_LOW;
    guest->checkin.explicit_acks = asked->polls && !asked->verbatim;
    guest->wait.polls = asked->polls;
    guest->wait.ms = asked->wait;
    guest->wait.codec = asked->verbatim ? &push_codec_verbatim
                        : asked->polls  ? &push_codec_json
                                        : &push_codec_sse;
    guest->heartbeat = asked->heartbeat;
    if (!problem) {
        push_subscriber_limit(r, guest);
    }
    return problem;
}
