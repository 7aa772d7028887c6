#include "server/config_relay.h"

#include <apr_strings.h>
#include <apr_uri.h>
#include <stdbool.h>
#include <string.h>

#define REGIONS_MAX 8
#define URL_MAX     1024 /* bytes */
#define NAME_BYTES  64   /* bytes */

static const char legal_name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789._:-";

static bool is_name(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= NAME_BYTES && !text[strspn(text, legal_name)];
}

/* No fragment, no password that a log would have. */
static const char *check_url(cmd_parms *cmd, const char *text, apr_uri_t *uri)
{
    bool printable = strlen(text) <= URL_MAX;

    for (const char *at = text; printable && *at; at++) {
        printable = *at > ' ' && *at <= '~' && *at != '"' && *at != '#';
    }
    if (!printable || apr_uri_parse(cmd->pool, text, uri) != APR_SUCCESS
        || !uri->scheme
        || (strcmp(uri->scheme, "http") && strcmp(uri->scheme, "https"))
        || !uri->hostname || !*uri->hostname || uri->user || uri->password) {
        return apr_psprintf(cmd->pool,
                            "PushRelay must begin with the http:// or "
                            "https:// URL of the other region's messages, of "
                            "at most %d bytes and without a user, not \"%s\"",
                            URL_MAX, uri->password ? "…" : text);
    }
    return NULL;
}

static const char *set_urgency(cmd_parms *cmd, push_relay_settings_t *relay,
                               const char *text)
{
    push_text_t name = {text, (uint32_t)strlen(text)};

    return push_urgency_parse(name, &relay->urgency)
               ? NULL
               : apr_psprintf(cmd->pool,
                              "PushRelay urgency= must be high, normal, low "
                              "or very-low, not \"%s\"",
                              text);
}

static const char *set_name(cmd_parms *cmd, push_relay_settings_t *relay,
                            const char *text)
{
    relay->name = text;
    return is_name(text)
               ? NULL
               : apr_psprintf(cmd->pool,
                              "PushRelay name= must be 1 to %d of A-Z a-z "
                              "0-9 . _ : -, not \"%s\"",
                              NAME_BYTES, text);
}

static const char *set_file(cmd_parms *cmd, const char **field,
                            const char *path)
{
    *field = *path ? ap_server_root_relative(cmd->pool, path) : NULL;
    return *field ? NULL
                  : "PushRelay token= and ca= must be the path of a file";
}

static const char *set_word(cmd_parms *cmd, push_relay_settings_t *relay,
                            const char *word)
{
    if (!strncmp(word, "urgency=", 8)) {
        return set_urgency(cmd, relay, word + 8);
    }
    if (!strncmp(word, "name=", 5)) {
        return set_name(cmd, relay, word + 5);
    }
    if (!strncmp(word, "token=", 6)) {
        return set_file(cmd, &relay->token, word + 6);
    }
    if (!strncmp(word, "ca=", 3)) {
        return set_file(cmd, &relay->ca, word + 3);
    }
    return apr_psprintf(cmd->pool,
                        "PushRelay takes token=FILE, urgency=URGENCY, "
                        "name=NAME and ca=FILE behind its URL, not \"%s\"",
                        word);
}

static const char *read_words(cmd_parms *cmd, push_relay_settings_t *relay,
                              int argc, char *const argv[])
{
    apr_uri_t uri = {0};
    const char *error = check_url(cmd, argv[0], &uri);

    relay->url = argv[0];
    relay->urgency = PUSH_HIGH;
    for (int i = 1; i < argc && !error; i++) {
        error = set_word(cmd, relay, argv[i]);
    }
    if (error || relay->name) {
        return error;
    }
    relay->name = apr_psprintf(
        cmd->pool, "%s:%u", uri.hostname,
        (unsigned)(uri.port_str ? uri.port
                                : apr_uri_port_of_scheme(uri.scheme)));
    return is_name(relay->name)
               ? NULL
               : apr_psprintf(cmd->pool,
                              "PushRelay \"%s\" needs a name= of 1 to %d of "
                              "A-Z a-z 0-9 . _ : -, as its host is none",
                              relay->url, NAME_BYTES);
}

/* Those that take the least urgent messages come first (push_relay_fill()). */
static const char *add(cmd_parms *cmd, apr_array_header_t *relays,
                       const push_relay_settings_t *relay)
{
    push_relay_settings_t *all;
    int at = relays->nelts;

    APR_ARRAY_PUSH(relays, push_relay_settings_t) = *relay;
    all = (push_relay_settings_t *)(void *)relays->elts;
    for (int i = 0; i < at; i++) {
        if (!strcmp(all[i].name, relay->name)) {
            return apr_psprintf(cmd->pool,
                                "PushRelay: two regions are called \"%s\"; "
                                "name= tells them apart",
                                relay->name);
        }
    }
    while (at > 0 && all[at - 1].urgency < relay->urgency) {
        all[at] = all[at - 1];
        at--;
    }
    all[at] = *relay;
    return NULL;
}

const char *push_config_relay(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[])
{
    push_global_t *global = ap_get_module_config(cmd->server->module_config,
                                                 &push_module);
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    push_relay_settings_t relay = {0};

    (void)dir;
    if (!error && argc < 1) {
        error = "PushRelay must have a URL";
    }
    if (!error) {
        error = read_words(cmd, &relay, argc, argv);
    }
    if (error) {
        return error;
    }
    if (!global->relays) {
        global->relays = apr_array_make(cmd->pool, 2, sizeof(relay));
    }
    if (global->relays->nelts == REGIONS_MAX) {
        return apr_psprintf(cmd->pool,
                            "PushRelay must be there at most %d times: "
                            "\"%s\" is one more",
                            REGIONS_MAX, relay.url);
    }
    return add(cmd, global->relays, &relay);
}

const char *push_config_relay_conflict(const push_global_t *global)
{
    return global->relays && !global->cluster.urls
               ? "PushRelay needs PushCluster, which is not set: what waits "
                 "for another region waits in Redis"
               : NULL;
}
