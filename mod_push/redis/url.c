#include "redis/url.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REDIS_PORT    6379u
#define SENTINEL_PORT 26379u

static const struct {
    const char *text;
    bool tls, sentinel, local;
} schemes[] = {
    {"redis://", false, false, false},
    {"rediss://", true, false, false},
    {"redis+sentinel://", false, true, false},
    {"rediss+sentinel://", true, true, false},
    {"unix://", false, false, true},
};

#define SCHEMES (sizeof(schemes) / sizeof(*schemes))

const char *push_redis_scheme(const push_redis_url_t *url, bool tls)
{
    size_t i = 0;

    while (schemes[i].tls != tls || schemes[i].sentinel != url->sentinel) {
        i++;
    }
    return schemes[i].text;
}

/* One parse: what is left, and where the reason goes. */
typedef struct {
    const char *at, *end;
    char *why;
    push_redis_url_t *url;
} parse_t;

__attribute__((format(printf, 2, 3))) static bool refuse(parse_t *parse,
                                                         const char *format,
                                                         ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(parse->why, PUSH_REDIS_WHY, format, args);
    va_end(args);
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The text up to end, percent-decoded, terminated; name is said in errors. */
static bool decode(parse_t *parse, const char *end, char *to, size_t max,
                   const char *name)
{
    size_t len = 0;

    for (const char *at = parse->at; at < end; at++) {
        char c = *at;

        if (c == '%') {
            int high = end - at > 2 ? hex_digit(at[1]) : -1;
            int low = end - at > 2 ? hex_digit(at[2]) : -1;

            if (high < 0 || low < 0 || (!high && !low)) {
                return refuse(parse,
                              "the %s has a %% that is not followed by two "
                              "hexadecimal digits other than 00",
                              name);
            }
            c = (char)(high << 4 | low);
            at += 2;
        }
        if (len == max) {
            return refuse(parse, "the %s is longer than %zu bytes", name, max);
        }
        to[len++] = c;
    }
    to[len] = '\0';
    return true;
}

static bool take_scheme(parse_t *parse, bool *local)
{
    for (size_t i = 0; i < SCHEMES; i++) {
        size_t len = strlen(schemes[i].text);

        if (!strncmp(parse->at, schemes[i].text, len)) {
            parse->at += len;
            parse->url->tls = schemes[i].tls;
            parse->url->sentinel = schemes[i].sentinel;
            *local = schemes[i].local;
            return true;
        }
    }
    return refuse(parse, "the scheme must be redis://, rediss://, "
                         "redis+sentinel://, rediss+sentinel:// or unix://");
}

/* "user:password" up to end, with rooms for both. */
static bool take_login(parse_t *parse, const char *end, char *user,
                       char *password)
{
    const char *colon = memchr(parse->at, ':', (size_t)(end - parse->at));

    if (!decode(parse, colon ? colon : end, user, PUSH_REDIS_USER_MAX,
                "user")) {
        return false;
    }
    if (colon) {
        parse->at = colon + 1;
        if (!decode(parse, end, password, PUSH_REDIS_PASSWORD_MAX,
                    "password")) {
            return false;
        }
    }
    parse->at = end;
    return true;
}

/* "user:password@", "user@" or nothing; all before the last @ of it. */
static bool take_user(parse_t *parse, const char *authority_end)
{
    push_redis_url_t *url = parse->url;
    const char *at = memrchr(parse->at, '@',
                             (size_t)(authority_end - parse->at));

    if (!at) {
        return true;
    }
    if (!take_login(parse, at, url->user, url->password)) {
        return false;
    }
    if (url->user[0] && !url->password[0]) {
        return refuse(parse, "the user has no password: write "
                             "user:password@, or :password@ for the default "
                             "user");
    }
    parse->at++;
    return true;
}

/* Behind the name of the master. */
static bool take_query(parse_t *parse)
{
    static const char key[] = "?sentinel=";
    push_redis_url_t *url = parse->url;

    if (parse->at == parse->end) {
        return true;
    }
    if (strncmp(parse->at, key, sizeof(key) - 1)) {
        return refuse(parse, "behind the name of the master comes "
                             "?sentinel=USER:PASSWORD or nothing");
    }
    parse->at += sizeof(key) - 1;
    return take_login(parse, parse->end, url->sentinel_user,
                      url->sentinel_password)
           && (url->sentinel_password[0]
               || refuse(parse, "behind ?sentinel= comes USER:PASSWORD, or "
                                ":PASSWORD for the default user"));
}

/* Of an authority that ends there; "[" … "]" or up to the colon. */
static bool take_host(parse_t *parse, const char *authority_end,
                      const char **host, size_t *len)
{
    const char *end;

    if (parse->at < authority_end && *parse->at == '[') {
        *host = parse->at + 1;
        end = memchr(*host, ']', (size_t)(authority_end - *host));
        if (!end) {
            return refuse(parse, "the host has a [ without its ]");
        }
        parse->at = end + 1;
    }
    else {
        *host = parse->at;
        end = memchr(*host, ':', (size_t)(authority_end - *host));
        end = end ? end : authority_end;
        parse->at = end;
    }
    *len = (size_t)(end - *host);
    if (!*len || *len > PUSH_REDIS_HOST_MAX) {
        return refuse(parse, *len ? "the host is longer than 255 bytes"
                                  : "the host is missing");
    }
    return true;
}

static bool legal_host(const char *host, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)host[i];

        if (c <= ' ' || c == 0x7f || strchr("/?#[]@\\", c)) {
            return false;
        }
    }
    return true;
}

static bool take_port(parse_t *parse, const char *authority_end,
                      unsigned *port)
{
    unsigned number = 0;

    if (parse->at == authority_end) {
        return true;
    }
    if (*parse->at != ':') {
        return refuse(parse, "behind the ] of the host comes a colon and the "
                             "port, or nothing");
    }
    for (const char *at = ++parse->at; at < authority_end; at++) {
        if (*at < '0' || *at > '9' || number > UINT16_MAX) {
            number = 0;
            break;
        }
        number = number * 10 + (unsigned)(*at - '0');
    }
    if (!number || number > UINT16_MAX) {
        return refuse(parse, "the port must be a number from 1 to 65535");
    }
    parse->at = authority_end;
    *port = number;
    return true;
}

/* "/" and the database, or the name of the master. */
static bool take_rest(parse_t *parse)
{
    const char *end;

    if (parse->url->sentinel) {
        if (parse->end - parse->at < 2 || parse->at[1] == '?') {
            return refuse(parse, "the name of the master is missing: "
                                 "redis+sentinel://host:port/NAME");
        }
        parse->at++;
        end = parse->at + strcspn(parse->at, "?");
        if (!decode(parse, end, parse->url->master, PUSH_REDIS_NAME_MAX,
                    "name of the master")) {
            return false;
        }
        parse->at = end;
        return take_query(parse);
    }
    if (parse->at < parse->end && strcmp(parse->at, "/")
        && strcmp(parse->at, "/0")) {
        return refuse(parse, "the database must be 0, behind the host comes "
                             "/0 or nothing");
    }
    return true;
}

static bool take_network(parse_t *parse)
{
    const char *end = parse->at + strcspn(parse->at, "/?#");
    unsigned port = parse->url->sentinel ? SENTINEL_PORT : REDIS_PORT;
    const char *host = NULL;
    size_t len = 0;

    if (!take_user(parse, end) || !take_host(parse, end, &host, &len)
        || !take_port(parse, end, &port)) {
        return false;
    }
    if (!legal_host(host, len)
        || !push_address_set(&parse->url->address, host, len, port)) {
        return refuse(parse, "the host has a character that none may have");
    }
    return take_rest(parse);
}

static bool take_path(parse_t *parse)
{
    const char *slash = strchr(parse->at, '/');
    push_address_t *address = &parse->url->address;

    if (!slash) {
        return refuse(parse, "the path of the socket is missing: "
                             "unix:///run/redis/redis.sock");
    }
    if (!take_user(parse, slash)) {
        return false;
    }
    if (parse->at != slash) {
        return refuse(parse, "the path of the socket must begin with a /");
    }
    /* What sockaddr_un has room for. */
    return decode(parse, parse->end, address->host, 107, "path of the socket");
}

bool push_redis_url_parse(push_redis_url_t *url, const char *text,
                          char why[PUSH_REDIS_WHY])
{
    parse_t parse = {text, text + strlen(text), why, url};
    bool local = false;

    *url = (push_redis_url_t){.tls = false};
    return take_scheme(&parse, &local)
           && (local ? take_path(&parse) : take_network(&parse));
}
