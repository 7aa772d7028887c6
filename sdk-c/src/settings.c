/* settings.c - the options of a handle. */
#include "settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Every string of the options. */
static const size_t strings[] = {
    offsetof(pushc_options, url),          offsetof(pushc_options, token),
    offsetof(pushc_options, username),     offsetof(pushc_options, password),
    offsetof(pushc_options, query),        offsetof(pushc_options, ca_file),
    offsetof(pushc_options, cert_file),    offsetof(pushc_options, key_file),
    offsetof(pushc_options, key_password), offsetof(pushc_options, pinned_key),
    offsetof(pushc_options, proxy),        offsetof(pushc_options, no_proxy),
    offsetof(pushc_options, device),       offsetof(pushc_options, app),
    offsetof(pushc_options, app_version),  offsetof(pushc_options, os),
    offsetof(pushc_options, os_version),   offsetof(pushc_options, locale),
    offsetof(pushc_options, urgency),      offsetof(pushc_options, cursor),
    offsetof(pushc_options, meta),
};

/* Every number that has a default, which stands for 0. */
static const struct {
    size_t at;
    unsigned value;
} defaults[] = {
    {offsetof(pushc_options, attempt_ms), 10000},
    {offsetof(pushc_options, silence_ms), 7000},
    {offsetof(pushc_options, base_ms), 1000},
    {offsetof(pushc_options, proof_ms), 10000},
    {offsetof(pushc_options, ack_ms), 30000},
    {offsetof(pushc_options, retry_ms), 1000},
    {offsetof(pushc_options, window), 1024},
    {offsetof(pushc_options, max_messages), 1024},
    {offsetof(pushc_options, dedup), 4096},
    {offsetof(pushc_options, parallel), 4},
    {offsetof(pushc_options, max_in_flight), 1024},
    {offsetof(pushc_options, publish_ms), 30000},
    {offsetof(pushc_options, idle_ms), 5000},
    {offsetof(pushc_options, stop_ms), 3000},
};

static const char **string_at(pushc_options *o, size_t at)
{
    return (const char **)(void *)((char *)o + at);
}

static int are_lines(const char *const *list, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (!list || !list[i] || !pushc_is_line(list[i])) {
            return 0;
        }
    }
    return 1;
}

static int is_device(const char *s)
{
    size_t n = strlen(s);

    return n >= 1 && n <= 128
           && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789._~-")
                  == n;
}

static int are_legal(pushc_options *o)
{
    size_t i;

    for (i = 0; i < COUNT(strings); i++) {
        if (!pushc_is_line(*string_at(o, strings[i]))) {
            return 0;
        }
    }
    if (!o->url
        || (strncmp(o->url, "http://", 7) != 0
            && strncmp(o->url, "https://", 8) != 0)) {
        return 0;
    }
    return strcspn(o->url, "?#") == strlen(o->url)
           && o->transport >= PUSHC_TRANSPORT_AUTO
           && o->transport <= PUSHC_TRANSPORT_POLL
           && (!o->device || is_device(o->device))
           && are_lines(o->headers, o->header_count)
           && are_lines(o->channels, o->channel_count);
}

static const char *const *copy_list(const struct pushc_mem *mem,
                                    const char *const *list, size_t count)
{
    char **copy = pushc_mem_zalloc(mem, (count + 1) * sizeof(*copy));
    size_t i;

    for (i = 0; copy && i < count; i++) {
        copy[i] = pushc_mem_strdup(mem, list[i]);
        if (!copy[i]) {
            while (i > 0) {
                pushc_mem_free(mem, copy[--i]);
            }
            pushc_mem_free(mem, copy);
            return NULL;
        }
    }
    return (const char *const *)copy;
}

static void free_list(const struct pushc_mem *mem, const char *const *list,
                      size_t count)
{
    size_t i;

    for (i = 0; list && i < count; i++) {
        pushc_mem_free(mem, (void *)list[i]);
    }
    pushc_mem_free(mem, (void *)list);
}

/* Replace every pointer by a copy; on failure those not copied are NULL. */
static int copy_all(struct pushc_settings *set)
{
    pushc_options given = set->o;
    int failed = 0;
    size_t i;

    set->o.headers = NULL;
    set->o.channels = NULL;
    for (i = 0; i < COUNT(strings); i++) {
        const char **s = string_at(&set->o, strings[i]);

        *s = *s && !failed ? pushc_mem_strdup(&set->mem, *s) : NULL;
        failed |= *string_at(&given, strings[i]) && !*s;
    }
    if (!failed) {
        set->o.headers = copy_list(&set->mem, given.headers,
                                   given.header_count);
        set->o.channels = copy_list(&set->mem, given.channels,
                                    given.channel_count);
    }
    return set->o.headers && set->o.channels ? PUSHC_OK : PUSHC_ERR_MEMORY;
}

static void fill_defaults(pushc_options *o)
{
    size_t i;

    for (i = 0; i < COUNT(defaults); i++) {
        unsigned *n = (unsigned *)(void *)((char *)o + defaults[i].at);

        *n = *n ? *n : defaults[i].value;
    }
    o->max_bytes = o->max_bytes ? o->max_bytes : 8u << 20;
}

static int take_loop(struct pushc_settings *set, const pushc_loop *loop)
{
    if (!loop) {
        return PUSHC_OK;
    }
    if (loop->size == 0 || loop->size > 4096) {
        return PUSHC_ERR_ARGUMENT;
    }
    memcpy(&set->loop, loop,
           loop->size < sizeof(*loop) ? loop->size : sizeof(*loop));
    set->has_loop = 1;
    return set->loop.watch && set->loop.timer ? PUSHC_OK : PUSHC_ERR_ARGUMENT;
}

static void cleanup(struct pushc_settings *set)
{
    size_t i;

    for (i = 0; i < COUNT(strings); i++) {
        const char **s = string_at(&set->o, strings[i]);

        if (*s) {
            explicit_bzero((void *)*s, strlen(*s));
        }
        pushc_mem_free(&set->mem, (void *)*s);
        *s = NULL;
    }
    free_list(&set->mem, set->o.headers, set->o.header_count);
    free_list(&set->mem, set->o.channels, set->o.channel_count);
    set->o.headers = NULL;
    set->o.channels = NULL;
}

/* PUSHC_OK, PUSHC_ERR_ARGUMENT, PUSHC_ERR_MEMORY; the latter two leave
 * nothing to clean up. */
static int init(struct pushc_settings *set, const pushc_options *options)
{
    int status;

    memset(set, 0, sizeof(*set));
    if (!options
        || options->size < offsetof(pushc_options, url) + sizeof(options->url)
        || options->size > 65536) {
        return PUSHC_ERR_ARGUMENT;
    }
    memcpy(&set->o, options,
           options->size < sizeof(set->o) ? options->size : sizeof(set->o));
    set->mem = pushc_mem_make(set->o.on_realloc, set->o.ctx);
    if (!are_legal(&set->o)) {
        return PUSHC_ERR_ARGUMENT;
    }
    status = take_loop(set, set->o.loop);
    set->o.loop = NULL;
    if (status != PUSHC_OK) {
        return status;
    }
    fill_defaults(&set->o);
    status = copy_all(set);
    if (status != PUSHC_OK) {
        cleanup(set);
    }
    return status;
}

int pushc_settings_create(const pushc_options *options, size_t size,
                          struct pushc_settings **out)
{
    struct pushc_settings set;
    int status = init(&set, options);

    if (status != PUSHC_OK) {
        return status;
    }
    *out = pushc_mem_zalloc(&set.mem, size);
    if (!*out) {
        cleanup(&set);
        return PUSHC_ERR_MEMORY;
    }
    **out = set;
    return PUSHC_OK;
}

void pushc_settings_destroy(struct pushc_settings *set, size_t size)
{
    struct pushc_mem mem = set->mem;

    cleanup(set);
    explicit_bzero(set, size);
    pushc_mem_free(&mem, set);
}

uint64_t pushc_now(const struct pushc_settings *set)
{
    struct timespec ts;

    if (set->o.on_clock) {
        return set->o.on_clock(set->o.ctx);
    }
    /* Goes on while the machine sleeps, so that a sleep is noticed. */
    if (clock_gettime(CLOCK_BOOTTIME, &ts) != 0) {
        clock_gettime(CLOCK_MONOTONIC, &ts);
    }
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Random bytes; PUSHC_OK or PUSHC_ERR_SYSTEM. */
static int draw(const struct pushc_settings *set, void *bytes, size_t n)
{
    char *at = bytes;

    if (set->o.on_random) {
        return set->o.on_random(set->o.ctx, bytes, n) ? PUSHC_ERR_SYSTEM
                                                      : PUSHC_OK;
    }
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno != EINTR) {
            return PUSHC_ERR_SYSTEM;
        }
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        }
    }
    return PUSHC_OK;
}

double pushc_uniform(const struct pushc_settings *set)
{
    uint64_t bits = 0;

    if (draw(set, &bits, sizeof(bits)) != PUSHC_OK) {
        return 0.5;
    }
    return (double)(bits >> 11) / 9007199254740992.0; /* 2^53 */
}

int pushc_random_name(const struct pushc_settings *set, char *out, size_t n)
{
    static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh"
                                 "ijklmnopqrstuvwxyz";
    uint16_t bits[PUSHC_NAME_MAX];
    size_t i;

    if (n > PUSHC_NAME_MAX
        || draw(set, bits, n * sizeof(bits[0])) != PUSHC_OK) {
        return PUSHC_ERR_SYSTEM;
    }
    for (i = 0; i < n; i++) {
        out[i] = base62[bits[i] % 62];
    }
    out[n] = '\0';
    return PUSHC_OK;
}

void pushc_log(const struct pushc_settings *set, int level, const char *format,
               ...)
{
    char line[512];
    va_list args;

    if (!set->o.on_log) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    set->o.on_log(set->o.ctx, level, line);
}
