#include "server/relay.h"

#include <apr_strings.h>
#include <http_log.h>
#include <stdio.h>
#include <string.h>

APLOG_USE_MODULE(push);

#define TOKEN_MAX 4096u

/* Set by the parent before it forks; read by the children. */
static push_region_t regions[PUSH_REGIONS];
static push_relay_options_t options;

static bool refuse(server_rec *s, const char *name, const char *path,
                   const char *why)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                 "PUSH0220: PushRelay %s=%s: %s", name, path, why);
    return false;
}

/* As a header may have it (RFC 6750, section 2.1). */
static bool is_token(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    return *text != '\0';
}

/* What surrounds the token in the file does not matter. */
static bool read_token(server_rec *s, const char *path, push_region_t *region)
{
    char text[TOKEN_MAX + 1];
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(text, 1, sizeof(text), file) : 0;
    const char *from = text;

    if (!file) {
        return refuse(s, "token", path, "the file cannot be read");
    }
    fclose(file);
    while (len && len <= TOKEN_MAX && text[len - 1] > '\0'
           && text[len - 1] <= ' ') {
        len--;
    }
    text[len < sizeof(text) ? len : TOKEN_MAX] = '\0';
    from += strspn(from, " \t\r\n");
    if (len > TOKEN_MAX || strlen(text) != len || !is_token(from)) {
        return refuse(s, "token", path,
                      "the file must have one token of 1 to 4096 printable "
                      "characters without blanks");
    }
    region->token = apr_pstrdup(s->process->pconf, from);
    return true;
}

static bool read_ca(server_rec *s, const char *path, push_region_t *region)
{
    FILE *file = fopen(path, "re");

    if (!file) {
        return refuse(s, "ca", path, "the file cannot be read");
    }
    fclose(file);
    region->ca = path;
    return true;
}

static bool read_region(server_rec *s, const push_relay_settings_t *settings,
                        push_region_t *region)
{
    *region = (push_region_t){.name = settings->name,
                              .url = settings->url,
                              .urgency = settings->urgency};
    return (!settings->token || read_token(s, settings->token, region))
           && (!settings->ca || read_ca(s, settings->ca, region));
}

bool push_server_relay_read(server_rec *s, const push_global_t *global)
{
    bool good = true;

    options = (push_relay_options_t){
        .regions = regions,
        .keep = global->relay_keep,
        .entries = (uint32_t)global->relay_entries,
        .bytes = (uint64_t)global->relay_size};
    for (int i = 0; global->relays && i < global->relays->nelts && good; i++) {
        good = read_region(
            s, &APR_ARRAY_IDX(global->relays, i, push_relay_settings_t),
            &regions[options.count++]);
    }
    return good;
}

/* ---- what the relay has to say ---- */

static const struct {
    int level;
    const char *tag, *text; /* the tag with what it is about */
} events[PUSH_RELAY_EVENTS] = {
    [PUSH_RELAY_AWAY] = {APLOG_WARNING, "PUSH0221: PushRelay",
                         "the region takes no messages now, they wait"},
    [PUSH_RELAY_DENIED] = {APLOG_ERR, "PUSH0222: PushRelay",
                           "the region refuses the token (token=), messages "
                           "wait"},
    [PUSH_RELAY_WRONG] = {APLOG_ERR, "PUSH0223: PushRelay",
                          "the URL is not where the region takes messages "
                          "(<admin>/messages), they wait"},
    [PUSH_RELAY_BACK] = {APLOG_NOTICE, "PUSH0224: PushRelay",
                         "the region takes messages again"},
    [PUSH_RELAY_REFUSED] = {APLOG_WARNING, "PUSH0225: PushRelay",
                            "messages that the region refused for good"},
    [PUSH_RELAY_EXPIRED] = {APLOG_WARNING, "PUSH0226: PushRelay",
                            "messages that expired before the region took "
                            "them"},
    [PUSH_RELAY_FELL] = {APLOG_ERR, "PUSH0227: PushRelay",
                         "messages fell off lists that are full "
                         "(PushRelayEntries, PushRelaySize)"}};

static void report(void *data, const push_relay_report_t *what)
{
    char count[32] = "";

    if (what->count) {
        snprintf(count, sizeof(count), " (%llu)",
                 (unsigned long long)what->count);
    }
    ap_log_error(APLOG_MARK, events[what->what].level, 0, (server_rec *)data,
                 "%s%s%s: %s%s%s%s", events[what->what].tag,
                 what->region ? " " : "",
                 what->region ? what->region->name : "",
                 events[what->what].text, count, *what->detail ? ": " : "",
                 what->detail);
}

const push_relay_options_t *push_server_relay_options(server_rec *s)
{
    options.report = report;
    options.data = s;
    return options.count ? &options : NULL;
}
