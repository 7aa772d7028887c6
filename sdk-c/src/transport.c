/*
 * transport.c - HTTP exchanges by libcurl's multi interface, socket by socket.
 *
 * Redirects are not followed here, since credentials are at stake; time is
 * not kept here either, but by who starts an exchange.
 */
#include "transport.h"

#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "list.h"

struct pushc_transport {
    const struct pushc_settings *set; /* borrowed */
    CURLM *multi;
    uint64_t due; /* UINT64_MAX: none */
    struct pushc_sockets sockets;
    struct pushc_list exchanges; /* all under way */
    int broken;
};

struct pushc_exchange {
    struct pushc_transport *t;
    struct pushc_link link;
    CURL *easy;
    struct curl_slist *headers;
    const struct pushc_exchange_ops *ops;
    void *ctx;
    struct pushc_answer answer;
    char error[CURL_ERROR_SIZE];
    int headed;  /* the head of the final answer has come */
    int aborted; /* a callback wanted the end */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode once_status;

static void init_curl(void)
{
    once_status = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- descriptors and time ---- */

static int on_socket(CURL *easy, curl_socket_t fd, int action, void *ctx,
                     void *unused)
{
    struct pushc_transport *t = ctx;
    int what = action == CURL_POLL_IN      ? PUSHC_READ
               : action == CURL_POLL_OUT   ? PUSHC_WRITE
               : action == CURL_POLL_INOUT ? PUSHC_READ | PUSHC_WRITE
                                           : 0;

    (void)unused;
    if (pushc_sockets_set(&t->sockets, fd, what, easy) != 0) {
        t->broken = 1;
    }
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
    struct pushc_transport *t = ctx;

    (void)multi;
    t->due = ms < 0 ? UINT64_MAX : pushc_now(t->set) + (uint64_t)ms;
    return 0;
}

int pushc_transport_create(const struct pushc_settings *set,
                           pushc_watch_fn watch, void *watcher,
                           struct pushc_transport **out)
{
    struct pushc_transport *t = pushc_mem_zalloc(&set->mem, sizeof(*t));

    pthread_once(&once, init_curl);
    if (!t) {
        return PUSHC_ERR_MEMORY;
    }
    t->set = set;
    t->sockets.watch = watch;
    t->sockets.watcher = watcher;
    t->due = UINT64_MAX;
    t->multi = once_status == CURLE_OK ? curl_multi_init() : NULL;
    /* A connection needs two, since IPv6 and IPv4 may be tried together. There
     * is room for all from the start: growing could fail where it must not. */
    if (pushc_sockets_init(&t->sockets, &set->mem,
                           2 * (size_t)set->o.parallel + 8)
            != 0
        || !t->multi) {
        curl_multi_cleanup(t->multi);
        pushc_sockets_cleanup(&t->sockets);
        pushc_mem_free(&set->mem, t);
        return PUSHC_ERR_MEMORY;
    }
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    *out = t;
    return PUSHC_OK;
}

void pushc_transport_destroy(struct pushc_transport *t)
{
    if (!t) {
        return;
    }
    while (t->exchanges.first) {
        pushc_exchange_cancel(
            PUSHC_LINKED(t->exchanges.first, struct pushc_exchange));
    }
    curl_multi_cleanup(t->multi);
    pushc_sockets_cleanup(&t->sockets);
    pushc_mem_free(&t->set->mem, t);
}

uint64_t pushc_transport_due(const struct pushc_transport *t)
{
    return t->due;
}

int pushc_transport_listens(const struct pushc_transport *t)
{
    return t->sockets.count > 0;
}

int pushc_transport_broken(const struct pushc_transport *t)
{
    return t->broken;
}

/* ---- the end of an exchange ---- */

static void destroy(struct pushc_exchange *x)
{
    const struct pushc_mem *mem = &x->t->set->mem;

    pushc_list_remove(&x->t->exchanges, &x->link);
    curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->headers);
    pushc_mem_free(mem, x->answer.location);
    pushc_mem_free(mem, x);
}

/*
 * libcurl (7.88) closes a socket that still connects before it says so: its
 * number may be another file's by then.
 */
static void detach(struct pushc_exchange *x)
{
    if (pushc_sockets_forget(&x->t->sockets, x->easy) != 0) {
        x->t->broken = 1;
    }
    curl_multi_remove_handle(x->t->multi, x->easy);
}

void pushc_exchange_cancel(struct pushc_exchange *x)
{
    if (x) {
        detach(x);
        destroy(x);
    }
}

int pushc_exchange_is_sent(const struct pushc_exchange *x)
{
    curl_off_t at = 0;

    curl_easy_getinfo(x->easy, CURLINFO_PRETRANSFER_TIME_T, &at);
    return at > 0;
}

static int status_of(const struct pushc_exchange *x, CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return PUSHC_OK;
    case CURLE_OUT_OF_MEMORY:
        return PUSHC_ERR_MEMORY;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return PUSHC_ERR_TLS;
    default:
        return x->aborted ? PUSHC_ERR_CLOSED : PUSHC_ERR_NETWORK;
    }
}

/* Report an exchange that ended. */
static void finish(struct pushc_exchange *x, CURLcode code)
{
    struct pushc_transport *t = x->t;
    char *location = NULL;

    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->answer.http_status);
    curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &location);
    if (location) {
        x->answer.location = pushc_mem_strdup(&t->set->mem, location);
    }
    snprintf(x->answer.error, sizeof(x->answer.error), "%.179s",
             code == CURLE_OK ? ""
             : x->error[0]    ? x->error
                              : curl_easy_strerror(code));
    detach(x);
    x->ops->on_done(x->ctx, status_of(x, code), &x->answer);
    destroy(x);
}

/* Report every exchange that ended. */
static void reap(struct pushc_transport *t)
{
    int left;
    struct CURLMsg *msg = curl_multi_info_read(t->multi, &left);

    while (msg) {
        struct pushc_exchange *x = NULL;
        CURLcode code = msg->data.result;

        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        finish(x, code);
        msg = curl_multi_info_read(t->multi, &left);
    }
}

static void act(struct pushc_transport *t, curl_socket_t fd, int mask)
{
    int running;

    curl_multi_socket_action(t->multi, fd, mask, &running);
    reap(t);
}

void pushc_transport_ready(struct pushc_transport *t, int fd, int what)
{
    int mask = (what & PUSHC_READ ? CURL_CSELECT_IN : 0)
               | (what & PUSHC_WRITE ? CURL_CSELECT_OUT : 0);

    if (pushc_sockets_has(&t->sockets, fd)) {
        act(t, fd, mask);
    }
}

void pushc_transport_timeout(struct pushc_transport *t)
{
    if (t->due <= pushc_now(t->set)) {
        t->due = UINT64_MAX;
        act(t, CURL_SOCKET_TIMEOUT, 0);
    }
}

void pushc_transport_drain(struct pushc_transport *t)
{
    size_t i = 0;

    while (i < t->sockets.count) {
        struct pollfd p = {t->sockets.of[i].fd, POLLIN, 0};

        i++;
        if ((t->sockets.of[i - 1].what & PUSHC_READ) && poll(&p, 1, 0) == 1) {
            act(t, p.fd, CURL_CSELECT_IN);
        }
    }
}

/* ---- the answer ---- */

static void read_head(struct pushc_exchange *x)
{
    struct pushc_answer *a = &x->answer;
    char *text = NULL;
    time_t date;

    if (curl_easy_getinfo(x->easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK
        && text) {
        snprintf(a->content_type, sizeof(a->content_type), "%s", text);
    }
    date = a->head.retry_date[0] ? curl_getdate(a->head.retry_date, NULL) : 0;
    if (date > time(NULL)) {
        a->head.retry_after = (uint64_t)(date - time(NULL)) * 1000;
    }
}

/* Take one line of the head of an answer; the empty line ends it. */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct pushc_exchange *x = ctx;
    size_t n = size * count;

    if (n > 2 || (n == 2 && line[0] != '\r')) {
        if (!x->headed) {
            pushc_head_line(&x->answer.head, line, n);
        }
        return n;
    }
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->answer.http_status);
    if (x->answer.http_status < 200 || x->headed) {
        return n;
    }
    x->headed = 1;
    read_head(x);
    if (x->ops->on_head && x->ops->on_head(x->ctx, &x->answer) != 0) {
        x->aborted = 1;
        return 0;
    }
    return n;
}

static size_t on_write(char *bytes, size_t size, size_t count, void *ctx)
{
    struct pushc_exchange *x = ctx;
    size_t n = size * count;

    if (x->answer.http_status / 100 != 2) {
        struct pushc_answer *a = &x->answer;
        size_t room = sizeof(a->body) - 1 - a->body_length;

        memcpy(a->body + a->body_length, bytes, n < room ? n : room);
        a->body_length += n < room ? n : room;
        return n;
    }
    if (!x->ops->on_body) {
        return n;
    }
    switch (x->ops->on_body(x->ctx, bytes, n)) {
    case PUSHC_TAKEN:
        return n;
    case PUSHC_TAKE_PAUSE:
        return CURL_WRITEFUNC_PAUSE;
    case PUSHC_TAKE_ABORT:
        break;
    }
    x->aborted = 1;
    return 0;
}

static size_t on_read(char *buffer, size_t size, size_t count, void *ctx)
{
    struct pushc_exchange *x = ctx;
    size_t n = x->ops->on_upload(x->ctx, buffer, size * count);

    return n == PUSHC_UPLOAD_PAUSE ? CURL_READFUNC_PAUSE : n;
}

/* ---- the request ---- */

static int add_header(struct pushc_exchange *x, const char *line)
{
    struct curl_slist *more = curl_slist_append(x->headers, line);

    if (!more) {
        return PUSHC_ERR_MEMORY;
    }
    x->headers = more;
    return PUSHC_OK;
}

static int add_token(struct pushc_exchange *x, const char *token)
{
    struct pushc_buf line;
    int status;

    pushc_buf_init(&line, &x->t->set->mem);
    pushc_buf_str(&line, "Authorization: Bearer ");
    status = pushc_buf_str(&line, token);
    if (status == PUSHC_OK) {
        status = add_header(x, line.bytes);
        explicit_bzero(line.bytes, line.length);
    }
    pushc_buf_cleanup(&line);
    return status;
}

static int set_headers(struct pushc_exchange *x,
                       const struct pushc_request *request)
{
    const pushc_options *o = &x->t->set->o;
    int failed = add_header(x, "Push-Client: libpushc/" PUSHC_VERSION);
    size_t i;

    for (i = 0; i < request->header_count; i++) {
        failed |= add_header(x, request->headers[i]);
    }
    for (i = 0; request->trusted && i < o->header_count; i++) {
        failed |= add_header(x, o->headers[i]);
    }
    if (request->trusted && request->token) {
        failed |= add_token(x, request->token);
    }
    if (request->upload) {
        failed |= add_header(x, "Transfer-Encoding: chunked");
    }
    return failed | add_header(x, "Expect:") ? PUSHC_ERR_MEMORY : PUSHC_OK;
}

/* Set one string option that may be absent. */
static int set_string(CURL *easy, CURLoption option, const char *value)
{
    return value && curl_easy_setopt(easy, option, value) != CURLE_OK;
}

static int set_network(struct pushc_exchange *x,
                       const struct pushc_request *request)
{
    const pushc_options *o = &x->t->set->o;
    CURL *e = x->easy;
    int failed = set_string(e, CURLOPT_URL, request->url)
                 | set_string(e, CURLOPT_CAINFO, o->ca_file)
                 | set_string(e, CURLOPT_PINNEDPUBLICKEY, o->pinned_key)
                 | set_string(e, CURLOPT_PROXY, o->proxy)
                 | set_string(e, CURLOPT_NOPROXY, o->no_proxy)
                 | set_string(e, CURLOPT_USERAGENT, "libpushc/" PUSHC_VERSION);

    if (request->trusted) {
        failed |= set_string(e, CURLOPT_SSLCERT, o->cert_file)
                  | set_string(e, CURLOPT_SSLKEY, o->key_file)
                  | set_string(e, CURLOPT_KEYPASSWD, o->key_password)
                  | set_string(e, CURLOPT_USERNAME, o->username)
                  | set_string(e, CURLOPT_PASSWORD, o->password);
    }
    return failed ? PUSHC_ERR_MEMORY : PUSHC_OK;
}

static void set_callbacks(struct pushc_exchange *x,
                          const struct pushc_request *request)
{
    CURL *e = x->easy;

    curl_easy_setopt(e, CURLOPT_PRIVATE, x);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->error);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
    if (request->fresh) {
        curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    }
    if (request->post) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
    }
    if (request->upload) {
        curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(e, CURLOPT_READDATA, x);
    }
    else if (request->post) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)request->body_length);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS,
                         request->body ? request->body : "");
    }
}

int pushc_exchange_start(struct pushc_transport *t,
                         const struct pushc_request *request,
                         const struct pushc_exchange_ops *ops, void *ctx,
                         struct pushc_exchange **out)
{
    struct pushc_exchange *x = pushc_mem_zalloc(&t->set->mem, sizeof(*x));
    int status = PUSHC_ERR_MEMORY;

    if (!x) {
        return status;
    }
    pushc_list_append(&t->exchanges, &x->link);
    x->t = t;
    x->ops = ops;
    x->ctx = ctx;
    x->easy = curl_easy_init();
    if (x->easy) {
        status = set_headers(x, request);
    }
    if (status == PUSHC_OK) {
        status = set_network(x, request);
    }
    if (status == PUSHC_OK) {
        set_callbacks(x, request);
        if (curl_multi_add_handle(t->multi, x->easy) != CURLM_OK) {
            status = PUSHC_ERR_MEMORY;
        }
    }
    if (status != PUSHC_OK) {
        destroy(x);
        return status;
    }
    *out = x;
    return PUSHC_OK;
}

void pushc_exchange_resume(struct pushc_exchange *x)
{
    curl_easy_pause(x->easy, CURLPAUSE_CONT);
}

/* ---- URLs ---- */

/* Scheme, host and port, to be freed by curl_free(); NULL: it is no URL. */
static char *origin_of(const char *url)
{
    static const CURLUPart others[] = {CURLUPART_USER,    CURLUPART_PASSWORD,
                                       CURLUPART_OPTIONS, CURLUPART_PATH,
                                       CURLUPART_QUERY,   CURLUPART_FRAGMENT};
    CURLU *u = curl_url();
    char *origin = NULL;
    size_t i;

    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
        for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
            curl_url_set(u, others[i], NULL, 0);
        }
        curl_url_get(u, CURLUPART_URL, &origin, CURLU_DEFAULT_PORT);
    }
    curl_url_cleanup(u);
    return origin;
}

int pushc_same_origin(const char *a, const char *b)
{
    char *x = origin_of(a), *y = origin_of(b);
    int same = x && y && strcasecmp(x, y) == 0;

    curl_free(x);
    curl_free(y);
    return same;
}

int pushc_is_downgrade(const char *from, const char *to)
{
    return strncasecmp(from, "https:", 6) == 0
           && strncasecmp(to, "https:", 6) != 0;
}
