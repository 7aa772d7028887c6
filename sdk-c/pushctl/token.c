#include "token.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jws.h"
#include "show.h"

#define LIFETIME     3600
#define LIFETIME_MAX 31536000
#define TOKEN_MAX    8192         /* a longer one is refused by the server */
#define SECONDS_MAX  253402300800 /* the year 10000 */

enum { TOKEN_JWT_KEY = CTL_OWN, TOKEN_ALG, TOKEN_KID, TOKEN_SHOW };

struct token {
    const char *key, *algorithm, *kid, *show;
    long lifetime;
    json_t *claims;
};

static const struct ctl_option token_options[] = {
    {TOKEN_JWT_KEY, "jwt-key", "FILE",
     "a secret or a private key (PEM); -: stdin"},
    {TOKEN_ALG, "alg", "HS256|RS256|PS256|ES256", "what the key is for"},
    {TOKEN_KID, "kid", "ID", "which key it is, in the header"},
    {'l', "lifetime", "SECONDS", "until it expires: 3600"},
    {'c', "channel", "PATTERN", "may follow it; repeat for more"},
    {'p', "publish", "PATTERN",
     "may publish: user:X, channel:X, broadcast, *"},
    {'a', "admin", NULL, "may use the rest of the administration"},
    {'i', "issuer", "NAME", "as PushJWTIssuer wants it"},
    {'A', "audience", "NAME", "as PushJWTAudience wants it"},
    {'C', "claim", "NAME=VALUE", "one more claim; JSON, or else a text"},
    {TOKEN_SHOW, "show", "TOKEN", "show what is in a token; -: stdin"},
    {0, NULL, NULL, NULL},
};

static void begin_token(struct ctl *c)
{
    struct token *t = c->state;

    t->lifetime = LIFETIME;
    t->claims = json_object();
}

static void set_text(const struct ctl *c, const char *name, const char *value)
{
    const struct token *t = c->state;

    if (json_object_set_new(t->claims, name, json_string(value)) != 0) {
        common_usage(&c->common, "%s: is not UTF-8", name);
    }
}

/* One more in the list of a claim. */
static void add_text(const struct ctl *c, const char *name, const char *value)
{
    const struct token *t = c->state;
    json_t *list = json_object_get(t->claims, name);

    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(t->claims, name, list);
    }
    if (json_array_append_new(list, json_string(value)) != 0) {
        common_usage(&c->common, "%s: is not UTF-8", name);
    }
}

static void set_claim(const struct ctl *c, const char *text)
{
    const struct token *t = c->state;
    const char *equals = strchr(text, '=');
    char *name = equals ? strndup(text, (size_t)(equals - text)) : NULL;
    json_t *value;

    if (!name || !*name) {
        common_usage(&c->common, "--claim wants NAME=VALUE");
    }
    value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
    if (!value) {
        value = json_string(equals + 1);
    }
    if (json_object_set_new(t->claims, name, value) != 0) {
        common_usage(&c->common, "--claim: is not UTF-8");
    }
    free(name);
}

/* Options that say what is in the token; 0, or it is none of them. */
static int take_claim(struct ctl *c, int option, const char *value)
{
    const struct token *t = c->state;

    switch (option) {
    case 'c':
        add_text(c, "push_channels", value);
        return 0;
    case 'p':
        add_text(c, "push_publish", value);
        return 0;
    case 'a':
        json_object_set_new(t->claims, "push_admin", json_true());
        return 0;
    case 'i':
        set_text(c, "iss", value);
        return 0;
    case 'A':
        set_text(c, "aud", value);
        return 0;
    case 'C':
        set_claim(c, value);
        return 0;
    default:
        return -1;
    }
}

static void take_token(struct ctl *c, int option, const char *value)
{
    struct token *t = c->state;

    if (take_claim(c, option, value) == 0) {
        return;
    }
    switch (option) {
    case TOKEN_JWT_KEY:
        t->key = value;
        break;
    case TOKEN_ALG:
        t->algorithm = value;
        break;
    case TOKEN_KID:
        t->kid = value;
        break;
    case TOKEN_SHOW:
        t->show = value;
        break;
    default:
        t->lifetime = common_number(&c->common, "--lifetime", value, 1,
                                    LIFETIME_MAX);
    }
}

/* ---- showing ---- */

/* Seconds since 1970 as a time. */
static void show_times(FILE *out, const json_t *both)
{
    json_t *copy = json_deep_copy(both);
    json_t *claims = json_object_get(copy, "claims");
    static const struct {
        const char *claim, *name;
    } times[] = {{"iat", "created"}, {"exp", "expires"}};

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        const json_t *at = json_object_get(claims, times[i].claim);

        if (json_is_integer(at) && json_integer_value(at) < SECONDS_MAX) {
            json_object_set_new(copy, times[i].name,
                                json_integer(1000 * json_integer_value(at)));
            json_object_del(claims, times[i].claim);
        }
    }
    ctl_show(out, copy);
    json_decref(copy);
}

static int show_token(const struct ctl *c)
{
    const struct token *t = c->state;
    char text[TOKEN_MAX + 2] = "";
    const char *token = t->show;
    json_t *header, *claims;

    if (strcmp(token, "-") == 0) {
        token = fgets(text, sizeof(text), stdin) ? text : "";
        text[strcspn(text, "\r\n")] = '\0';
    }
    if (ctl_jws_read(token, &header, &claims) != 0) {
        common_say(&c->common, "that is no signed token");
        return EXIT_FAILED;
    }
    common_say(&c->common, "the signature was not looked at");
    return ctl_put(c,
                   json_pack("{s:o,s:o}", "header", header, "claims", claims),
                   show_times);
}

/* ---- making ---- */

static void set_times(const struct token *t)
{
    json_int_t now = (json_int_t)time(NULL);

    json_object_set_new(t->claims, "iat", json_integer(now));
    json_object_set_new(t->claims, "exp", json_integer(now + t->lifetime));
}

static json_t *header_of(const struct ctl *c, const struct ctl_key *key)
{
    const struct token *t = c->state;
    const char *algorithm = t->algorithm ? t->algorithm
                                         : ctl_key_algorithm(key);
    json_t *header = json_pack("{s:s,s:s}", "alg", algorithm, "typ", "JWT");

    if (!ctl_key_signs(key, algorithm)) {
        common_usage(&c->common, "--alg: %s is for %s, not for %s", t->key,
                     ctl_key_algorithm(key), algorithm);
    }
    if (t->kid) {
        json_object_set_new(header, "kid", json_string(t->kid));
    }
    return header;
}

static int put_token(const struct ctl *c, const char *token,
                     const json_t *header)
{
    const struct token *t = c->state;

    if (strlen(token) > TOKEN_MAX) {
        common_say(&c->common,
                   "it has more than %d characters: the server "
                   "refuses it",
                   TOKEN_MAX);
    }
    if (c->common.json) {
        return ctl_put(c,
                       json_pack("{s:s,s:O,s:O}", "token", token, "header",
                                 header, "claims", t->claims),
                       NULL);
    }
    puts(token);
    return EXIT_OK;
}

static int make_token(const struct ctl *c)
{
    const struct token *t = c->state;
    const char *error;
    struct ctl_key *key = ctl_key_read(t->key, &error);
    json_t *header;
    char *token;
    int status = EXIT_FAILED;

    if (!key) {
        common_usage(&c->common, "--jwt-key: %s: %s", t->key, error);
    }
    set_text(c, "sub", c->arguments[0]);
    set_times(t);
    header = header_of(c, key);
    token = ctl_jws_sign(key, header, t->claims);
    ctl_key_free(key);
    if (token) {
        status = put_token(c, token, header);
    }
    else {
        common_say(&c->common, "the key does not sign");
    }
    json_decref(header);
    free(token);
    return status;
}

static int run_token(struct ctl *c)
{
    struct token *t = c->state;
    int status;

    if (!t->show && (!t->key || c->count != 1)) {
        common_usage(&c->common, "token wants --jwt-key FILE and a user, or "
                                 "--show TOKEN");
    }
    if (t->show && (t->key || c->count)) {
        common_usage(&c->common, "--show wants nothing else");
    }
    status = t->show ? show_token(c) : make_token(c);
    json_decref(t->claims);
    return status;
}

const struct ctl_command ctl_token = {
    .name = "token",
    .arguments = "USER",
    .summary = "make a token for development, or show what is in one",
    .details = "Signs with what PushJWTKey of the server verifies. It asks "
               "no server, and none\nlearns of the token: whoever has the "
               "key is everybody.",
    .most = 1,
    .options = token_options,
    .state_size = sizeof(struct token),
    .begin = begin_token,
    .take = take_token,
    .run = run_token,
};
