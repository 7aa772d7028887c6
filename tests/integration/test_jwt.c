/*
 * Identity by token (PushUser jwt): who is let in, and for how long.
 */

#include <check.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "case.h"
#include "jws.h"
#include "keep.h"
#include "serverlog.h"
#include "token.h"
#include "verbs.h"

#define MORE_SECRET "another secret of the harness, long enough"

/* A server whose subscribers have tokens; more lines may be "". */
static struct server *jwt_server(const char *more)
{
    struct server_options o = {0};

    o.receive = keep_printf("PushUser jwt\nPushJWTKey %s\nPushJWTLeeway 0\n%s",
                            token_file(TOKEN_SECRET, 0640), more);
    return server_start(&o);
}

static struct answer *ask(const struct server *s, const char *headers)
{
    return http_do(s, "HEAD", "/ramen/receive?device=d&seq=0", headers, NULL);
}

static const char *bearer(const char *token)
{
    return keep_printf("Authorization: Bearer %s\r\n", token);
}

START_TEST(a_token_says_whose_stream_it_is)
{
    struct server *s = jwt_server("");
    struct stream *st = stream_open(s, "device=d&seq=0",
                                    token_bearer("ada", ""));

    publish(s, "user=ada", NULL, "for ada");
    publish(s, "user=bob", NULL, "for bob");
    expect_message(st, 1, "for ada");
    http_expect(http_do(s, "POST", "/ramen/ack?device=d&seq=1",
                        token_bearer("ada", ""), ""),
                204, NULL);
    /* The device of the same name is another user's. */
    http_expect(http_do(s, "POST", "/ramen/ack?device=d&seq=1",
                        token_bearer("bob", ""), ""),
                404, NULL);
}
END_TEST

START_TEST(whoever_has_no_token_is_told_how_to_bring_one)
{
    static const char *const headers[] = {
        NULL,
        "Authorization: Basic YWRhOmFkYQ==\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Cookie: __Host-push=x\r\n",
        "Push-User: ada\r\n",
    };
    struct server *s = jwt_server("");

    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        struct answer *a = http_do(s, "GET", "/ramen/receive?user=ada",
                                   headers[i], NULL);

        http_expect(a, 401, "Bearer");
        ck_assert_str_eq(http_header(a, "WWW-Authenticate"),
                         "Bearer realm=\"push\"");
        ck_assert_str_eq(json_text_at(a->json, "type"),
                         "urn:mod_push:problem:no-token");
    }
}
END_TEST

/* Payloads with %ld for a time from now; what the refusal names, or NULL. */
static const struct {
    const char *form;
    long from_now;
    const char *more; /* of the configuration */
    const char *refusal;
} payloads[] = {
    {"{\"sub\":\"ada\",\"exp\":%ld}", 60, "", NULL},
    {"{\"sub\":\"ada\",\"exp\":%ld}", -1, "", "expired"},
    {"{\"sub\":\"ada\",\"exp\":%ld}", -5, "PushJWTLeeway 60", NULL},
    {"{\"sub\":\"ada\",\"x\":%ld}", 60, "", "exp"},
    {"{\"sub\":\"ada\",\"exp\":\"%ld\"}", 60, "", "exp"},
    {"{\"sub\":\"ada\",\"exp\":%ld}", 90000, "", "PushJWTMaxLifetime"},
    {"{\"sub\":\"ada\",\"exp\":9999999999,\"nbf\":%ld}", 60, "",
     "PushJWTMaxLifetime"},
    {"{\"exp\":%ld}", 60, "", "PushJWTClaim"},
    {"{\"sub\":\"\",\"exp\":%ld}", 60, "", "PushJWTClaim"},
    {"{\"sub\":7,\"exp\":%ld}", 60, "", "PushJWTClaim"},
    {"{\"sub\":\"ada\",\"push_channels\":7,\"exp\":%ld}", 60, "",
     "PushJWTClaim"},
    {"{\"uid\":\"ada\",\"exp\":%ld}", 60, "PushJWTClaim user=uid", NULL},
    {"{\"sub\":\"ada\",\"exp\":%ld}", 60, "PushJWTClaim user=uid",
     "PushJWTClaim"},
    {"{\"sub\":\"ada\",\"iss\":\"me\",\"exp\":%ld}", 60, "PushJWTIssuer me",
     NULL},
    {"{\"sub\":\"ada\",\"iss\":\"you\",\"exp\":%ld}", 60, "PushJWTIssuer me",
     "iss"},
    {"{\"sub\":\"ada\",\"exp\":%ld}", 60, "PushJWTIssuer me", "iss"},
    {"{\"sub\":\"ada\",\"aud\":[\"b\"],\"exp\":%ld}", 60,
     "PushJWTAudience a b", NULL},
    {"{\"sub\":\"ada\",\"aud\":\"c\",\"exp\":%ld}", 60, "PushJWTAudience a b",
     "aud"},
    {"{\"sub\":\"ada\",\"exp\":%ld}", 60, "PushJWTAudience a b", "aud"},
    {"{\"sub\":\"ada\",\"aud\":\"c\",\"exp\":%ld}", 60, "", "aud"},
    {"{\"sub\":\"ada\",\"nbf\":1,\"iat\":1,\"exp\":%ld}", 60, "", NULL},
    {"[%ld]", 60, "", "JWT"},
};

START_TEST(each_claim_that_is_wrong_is_refused_and_named)
{
    struct server *s = jwt_server(payloads[_i].more);
    const char *payload;
    struct answer *a;

    /* The forms are those above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    payload = keep_printf(payloads[_i].form,
                          token_time(payloads[_i].from_now));
#pragma GCC diagnostic pop
    a = http_do(s, "GET", "/ramen/receive?urgency=none",
                bearer(token_sign(payload)), NULL);
    if (payloads[_i].refusal == NULL) {
        /* Let in, and then told that the wish is wrong. */
        http_expect(a, 400, "urgency");
        return;
    }
    http_expect(a, 401, payloads[_i].refusal);
    ck_assert_ptr_nonnull(
        strstr(http_header(a, "WWW-Authenticate"), "error=\"invalid_token\""));
}
END_TEST

START_TEST(a_token_of_another_key_or_algorithm_is_refused)
{
    const char *claims = token_claims("ada", "");
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    const struct jws_signer signers[] = {{"HS256", MORE_SECRET, NULL},
                                         {"RS256", NULL, rsa},
                                         {"PS256", NULL, rsa}};
    struct server *s = jwt_server("");

    for (size_t i = 0; i < sizeof(signers) / sizeof(*signers); i++) {
        const char *token = keep(jws_sign(&signers[i], NULL, claims), free);

        ck_assert_int_eq(ask(s, bearer(token))->status, 401);
    }
    ck_assert_int_eq(
        ask(s, bearer(keep(jws_sign(&signers[0], "{\"alg\":\"none\"}", claims),
                           free)))
            ->status,
        401);
    ck_assert_int_eq(ask(s, bearer(token_sign(claims)))->status, 200);
    EVP_PKEY_free(rsa);
}
END_TEST

START_TEST(public_keys_serve_as_pem_as_jwk_and_in_a_set)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    const char *pem = keep(jws_public_pem(rsa), free);
    const char *jwk = keep(jws_public_jwk(ec, "\"kid\":\"e\","), free);
    const char *set = keep_printf("{\"keys\":[%s,%s]}",
                                  (char *)keep(jws_public_jwk(rsa, ""), free),
                                  jwk);
    const struct {
        const char *lines;
        bool rsa, ec;
    } rows[] = {
        {keep_printf("PushJWTKey %s", token_file(pem, 0644)), true, false},
        {keep_printf("PushJWTKey %s", token_file(jwk, 0644)), false, true},
        {keep_printf("PushJWTKeys %s", token_file(set, 0644)), true, true},
    };
    const struct jws_signer by_rs = {"RS256", NULL, rsa};
    const struct jws_signer by_ps = {"PS256", NULL, rsa};
    const struct jws_signer by_ec = {"ES256", NULL, ec};
    const char *claims = token_claims("ada", "");

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct server_options o = {0};
        struct server *s;

        o.receive = keep_printf("PushUser jwt\n%s", rows[i].lines);
        s = server_start(&o);
        ck_assert_int_eq(
            ask(s, bearer(keep(jws_sign(&by_rs, NULL, claims), free)))->status,
            rows[i].rsa ? 200 : 401);
        ck_assert_int_eq(
            ask(s, bearer(keep(jws_sign(&by_ps, NULL, claims), free)))->status,
            rows[i].rsa ? 200 : 401);
        ck_assert_int_eq(
            ask(s, bearer(keep(jws_sign(&by_ec, NULL, claims), free)))->status,
            rows[i].ec ? 200 : 401);
        server_stop(s);
    }
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}
END_TEST

START_TEST(new_keys_are_taken_without_a_restart_and_broken_ones_are_not)
{
    const char *file = token_file(TOKEN_SECRET, 0640);
    const struct jws_signer other = {"HS256", MORE_SECRET, NULL};
    const char *old = token_bearer("ada", "");
    const char *new = bearer(
        keep(jws_sign(&other, NULL, token_claims("ada", "")), free));
    struct server_options o = {.children = 2};
    struct server *s;

    o.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n", file);
    s = server_start(&o);
    server_allow(s, "PUSH0042:");
    ck_assert_int_eq(ask(s, old)->status, 200);
    ck_assert_int_eq(ask(s, new)->status, 401);
    token_file_replace(file, MORE_SECRET, 0640);
    /* Each child looks for itself. */
    wait_until(ask(s, new)->status == 200
               && serverlog_count(s, "PUSH0041:") >= 2);
    ck_assert_int_eq(ask(s, old)->status, 401);
    token_file_replace(file, "too short", 0640);
    wait_until(ask(s, new)->status == 200
               && serverlog_count(s, "PUSH0042:") > 0);
    token_file_replace(file, TOKEN_SECRET, 0644);
    wait_until(ask(s, new)->status == 200
               && serverlog_count(s, "chmod o-r") > 0);
    ck_assert_int_eq(ask(s, new)->status, 200);
}
END_TEST

START_TEST(a_stream_ends_when_its_token_expires)
{
    struct server *s = jwt_server("");
    long expires = token_time(4);
    const char *claims = keep_printf("{\"sub\":\"ada\",\"exp\":%ld}", expires);
    struct stream *st = stream_open(s, "device=d&seq=0",
                                    bearer(token_sign(claims)));

    publish(s, "user=ada", NULL, "before");
    expect_message(st, 1, "before");
    stream_expect_bye(st, "expired-token");
    ck_assert_int_ge(token_time(0), expires - 1);
    ck_assert_int_lt(token_time(0), expires + 8);
    wait_until(stat_of(s, "streams") == 0);
    /* With another token it goes on where it was. */
    publish(s, "user=ada", NULL, "after");
    st = stream_open(s, "device=d&seq=1", token_bearer("ada", ""));
    expect_message(st, 2, "after");
}
END_TEST

/* A stream whose token is good for so many seconds moves to another child.
 * NULL where that took longer: it is to end there. */
static struct stream *moved_stream(struct server *s, int seconds)
{
    long expires = token_time(seconds);
    const char *claims = keep_printf("{\"sub\":\"ada\",\"exp\":%ld}", expires);
    struct stream *st = stream_open(s, keep_printf("device=d%d", seconds),
                                    bearer(token_sign(claims)));
    pid_t before = holder_of(s, st), now;

    server_graceful(s);
    do {
        now = server_child_of(s, st->wire->fd);
    } while ((now == before || now == 0) && token_time(2) < expires);
    return token_time(2) < expires ? st : NULL;
}

START_TEST(a_stream_that_moves_to_another_child_still_ends_in_time)
{
    struct server *s = jwt_server("");
    struct stream *st = moved_stream(s, 8);

    if (st == NULL) {
        st = moved_stream(s, 16);
    }
    ck_assert_ptr_nonnull(st);
    publish(s, "user=ada", "TTL: 0\r\n", "moved");
    ck_assert_str_eq(stream_next(st)->data, "moved");
    stream_expect_bye(st, "expired-token");
}
END_TEST

/* Channels that the configuration opens, that the token opens. */
static const struct {
    const char *config;
    const char *claim;
    const char *channel;
    bool open;
} channels[] = {
    {"", "", "news", false},
    {"", ",\"push_channels\":[]", "news", false},
    {"", ",\"push_channels\":[\"news\"]", "news", true},
    {"", ",\"push_channels\":[\"news\"]", "news.x", false},
    {"", ",\"push_channels\":[\"news*\"]", "news.x", true},
    {"", ",\"push_channels\":\"a* news\"", "news", true},
    {"", ",\"push_channels\":\"*\"", "news", true},
    {"", ",\"push_channels\":\"*\"", "$presence", false},
    {"", ",\"push_channels\":\"$presence\"", "$presence", true},
    {"PushChannels news", "", "news", true},
    {"PushChannels news", ",\"push_channels\":[\"x\"]", "x", true},
    {"PushChannels news", ",\"push_channels\":[\"x\"]", "news", true},
    {"PushChannels news", ",\"push_channels\":[\"x\"]", "y", false},
    {"PushChannels *", "", "$presence", false},
    {"PushJWTClaim channels=c", ",\"push_channels\":[\"x\"]", "x", false},
    {"PushJWTClaim channels=c", ",\"c\":[\"x\"]", "x", true},
};

START_TEST(a_channel_is_closed_unless_configuration_or_token_open_it)
{
    struct server *s = jwt_server(channels[_i].config);
    const char *query = keep_printf("/ramen/receive?channel=%s",
                                    channels[_i].channel);
    struct answer *a = http_do(s, channels[_i].open ? "HEAD" : "GET", query,
                               token_bearer("ada", channels[_i].claim), NULL);

    if (channels[_i].open) {
        ck_assert_int_eq(a->status, 200);
    }
    else {
        http_expect(a, 403, channels[_i].channel);
    }
}
END_TEST

START_TEST(a_cookie_brings_a_token_where_that_is_configured)
{
    struct server *s = jwt_server("PushJWTCookie __Host-push");
    const char *token = token_sign(token_claims("ada", ""));
    const char *other = token_sign(token_claims("bob", ""));
    const struct {
        const char *header;
        int status;
    } rows[] = {
        {keep_printf("Cookie: __Host-push=%s\r\n", token), 200},
        {keep_printf("Cookie: a=b; __Host-push=%s; c=d\r\n", token), 200},
        {keep_printf("Cookie: __Host-push2=%s\r\n", token), 401},
        {keep_printf("Cookie: __host-push=%s\r\n", token), 401},
        {keep_printf("Cookie: x__Host-push=%s\r\n", token), 401},
        {"Cookie: __Host-push=\r\n", 401},
        {"Cookie: __Host-push\r\n", 401},
        {keep_printf("Cookie: __Host-push=%s; __Host-push=%s\r\n", token,
                     other),
         401},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        ck_assert_msg(ask(s, rows[i].header)->status == rows[i].status, "%s",
                      rows[i].header);
    }
    s = jwt_server("");
    ck_assert_int_eq(ask(s, rows[0].header)->status, 401);
}
END_TEST

START_TEST(a_token_in_the_url_is_refused_and_not_logged)
{
    static const char *const names[] = {"access_token", "token",
                                        "jwt",          "id_token",
                                        "ACCESS_TOKEN", "acc%65ss_token"};
    static const char *const paths[] = {"/ramen/receive", "/ramen/ack",
                                        "/push/messages", "/push/stats"};
    struct server *s = jwt_server("");
    const char *token = token_sign(token_claims("ada", ""));
    const char *signature = strrchr(token, '.') + 1;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        for (size_t j = 0; j < sizeof(paths) / sizeof(*paths); j++) {
            const char *target = keep_printf("%s?device=d&seq=0&%s=%s",
                                             paths[j], names[i], token);
            bool post = j == 1 || j == 2;

            http_expect(http_do(s, post ? "POST" : "GET", target,
                                token_bearer("ada", ""), post ? "x" : NULL),
                        400, "URL");
            /* Nor where the query cannot be read. */
            http_expect(http_do(s, post ? "POST" : "GET",
                                keep_printf("%s&x=%%zz", target),
                                token_bearer("ada", ""), post ? "x" : NULL),
                        400, "escape");
        }
    }
    ck_assert_ptr_null(strstr(server_file(s, "logs/access"), signature));
    ck_assert_ptr_null(strstr(server_file(s, "logs/error"), signature));
}
END_TEST

START_TEST(tokens_are_in_no_log)
{
    struct server_options o = {.global = "LogLevel push:trace8"};
    const char *token = token_sign(token_claims("ada", ""));
    const char *bad = keep_printf("%sx", token);
    struct server *s;

    o.receive = keep_printf("PushUser jwt\nPushJWTKey %s\n"
                            "PushJWTCookie __Host-push\n",
                            token_file(TOKEN_SECRET, 0640));
    s = server_start(&o);
    ck_assert_int_eq(ask(s, bearer(token))->status, 200);
    ck_assert_int_eq(ask(s, bearer(bad))->status, 401);
    ck_assert_int_eq(
        ask(s, keep_printf("Cookie: __Host-push=%s\r\n", bad))->status, 401);
    wait_until(serverlog_count(s, "PUSH0040:") == 2);
    ck_assert_ptr_null(
        strstr(server_file(s, "logs/error"), strrchr(token, '.') + 1));
    ck_assert_ptr_null(
        strstr(server_file(s, "logs/access"), strrchr(token, '.') + 1));
}
END_TEST

/* Which sections a request meets is not always known before it comes. */
START_TEST(without_keys_nobody_is_let_in)
{
    struct server_options o = {0};
    struct server *s;

    o.receive = keep_printf("PushUser jwt\n<If \"%%{HTTP:Key} == 'yes'\">\n"
                            "PushJWTKey %s\n</If>",
                            token_file(TOKEN_SECRET, 0640));
    s = server_start(&o);
    server_allow(s, "PUSH0043:");
    http_expect(http_do(s, "GET", "/ramen/receive", token_bearer("ada", ""),
                        NULL),
                503, "PushJWTKey");
    ck_assert_int_eq(
        ask(s, keep_printf("Key: yes\r\n%s", token_bearer("ada", "")))->status,
        200);
}
END_TEST

/* Configurations, %s the path of a key; whether one can ever apply. */
static const struct {
    const char *global;
    bool starts;
} keyless[] = {
    {"PushUser jwt #%s", false},
    {"PushUser jwt\nPushJWTKey %s", true},
    {"<Location \"/a\">\nPushUser jwt\n</Location> #%s", false},
    {"PushJWTKey %s\n<Location \"/a\">\nPushUser jwt\n</Location>", true},
    {"<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "<Location \"/b\">\nPushJWTKey %s\n</Location>",
     false},
    {"<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "<Location \"/ab\">\nPushJWTKey %s\n</Location>",
     false},
    {"<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "<Location \"/\">\nPushJWTKey %s\n</Location>",
     true},
    {"<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "<Location \"/a/b\">\nPushJWTKey %s\n</Location>",
     true},
    {"<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "<LocationMatch \"/.\">\nPushJWTKey %s\n</LocationMatch>",
     true},
    {"<LocationMatch \"^/a\">\nPushUser jwt\n</LocationMatch> #%s", false},
    {"<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "<Location \"/a\">\nPushUser auth\n</Location> #%s",
     true},
    {"<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "<Location \"/a/b\">\nPushUser auth\n</Location> #%s",
     false},
    {"<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "<Directory \"/\">\nPushJWTKey %s\n</Directory>",
     true},
    {"<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "<VirtualHost *>\nPushJWTKey %s\n</VirtualHost>",
     true},
    {"PushJWTKey %s\n"
     "<VirtualHost *>\n<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "</VirtualHost>",
     true},
    {"<VirtualHost *>\n<Location \"/a\">\nPushUser jwt\n</Location>\n"
     "</VirtualHost>\n<VirtualHost *>\nServerName b\nPushJWTKey %s\n"
     "</VirtualHost>",
     false},
};

START_TEST(tokens_for_which_no_key_can_apply_stop_the_start)
{
    const char *form = keyless[_i].global;
    const char *at = strstr(form, "%s");
    /* A comment stands on its own line in httpd's configuration. */
    bool comment = at[-1] == '#';
    struct server_options o = {.receive = ""};
    const char *said;

    o.global = keep_printf("%.*s%s%s%s", (int)(at - form) - (comment ? 2 : 0),
                           form, comment ? "\n#" : "",
                           token_file(TOKEN_SECRET, 0640), at + 2);
    if (keyless[_i].starts) {
        server_start(&o);
        return;
    }
    said = server_refusal(&o);
    ck_assert_msg(strstr(said, "PUSH0079: PushUser jwt") != NULL
                      && strstr(said, "needs PushJWTKey or PushJWTKeys"),
                  "%s", said);
}
END_TEST

START_TEST(a_test_of_the_configuration_finds_tokens_without_keys)
{
    struct server_options o = {.receive = "PushUser jwt", .test = true};
    const char *said = server_refusal(&o);

    ck_assert_msg(strstr(said, "PushUser jwt of <Location \"/ramen\"> needs "
                               "PushJWTKey or PushJWTKeys")
                      != NULL,
                  "%s", said);
}
END_TEST

/* Lines that stop the start, and what the sentence names. %s is a file. */
static const struct {
    const char *line;
    const char *text;
    mode_t mode;
    const char *mention;
} refusals[] = {
    {"PushJWTKey %s", TOKEN_SECRET, 0644, "everybody may read"},
    {"PushJWTKeys %s", TOKEN_SECRET, 0604, "everybody may read"},
    {"PushJWTKey %s", "short", 0640, "32 bytes"},
    {"PushJWTKey %s.gone", TOKEN_SECRET, 0640, "opened"},
    {"PushJWTKeys %s", "{\"keys\":[]}", 0640, "empty"},
    {"PushJWTCookie push #%s", TOKEN_SECRET, 0640, "__Host-"},
    {"PushJWTCookie __Host- #%s", TOKEN_SECRET, 0640, "__Host-"},
    {"PushJWTCookie \"__Host-a b\" #%s", TOKEN_SECRET, 0640, "__Host-"},
    {"PushJWTClaim users=sub #%s", TOKEN_SECRET, 0640, "user=CLAIM"},
    {"PushJWTClaim user= #%s", TOKEN_SECRET, 0640, "user=CLAIM"},
    {"PushJWTClaim sub #%s", TOKEN_SECRET, 0640, "user=CLAIM"},
    {"PushJWTIssuer \"\" #%s", TOKEN_SECRET, 0640, "PushJWTIssuer"},
    {"PushJWTLeeway 301 #%s", TOKEN_SECRET, 0640, "0s to 300s"},
};

START_TEST(a_wrong_directive_stops_the_start)
{
    const char *file = token_file(refusals[_i].text, refusals[_i].mode);
    struct server_options o = {0};
    char *line = keep_copy(refusals[_i].line, strlen(refusals[_i].line));
    char *at = strstr(line, "%s");
    const char *said;

    /* A comment stands on its own line in httpd's configuration. */
    *at = '\0';
    if (at > line && at[-1] == '#') {
        at[-1] = '\0';
        o.receive = line;
    }
    else {
        o.receive = keep_printf("%s%s%s", line, file, at + 2);
    }
    said = server_refusal(&o);
    ck_assert_msg(strstr(said, refusals[_i].mention) != NULL, "%s", said);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jwt");
    TCase *tc = case_add(suite, "jwt", 60);

    tcase_add_test(tc, a_token_says_whose_stream_it_is);
    tcase_add_test(tc, whoever_has_no_token_is_told_how_to_bring_one);
    tcase_add_row_test(tc, each_claim_that_is_wrong_is_refused_and_named,
                       payloads);
    tcase_add_test(tc, a_token_of_another_key_or_algorithm_is_refused);
    tcase_add_test(tc, public_keys_serve_as_pem_as_jwk_and_in_a_set);
    tcase_add_test(
        tc, new_keys_are_taken_without_a_restart_and_broken_ones_are_not);
    tcase_add_test(tc, a_stream_ends_when_its_token_expires);
    tcase_add_test(tc,
                   a_stream_that_moves_to_another_child_still_ends_in_time);
    tcase_add_row_test(
        tc, a_channel_is_closed_unless_configuration_or_token_open_it,
        channels);
    tcase_add_test(tc, a_cookie_brings_a_token_where_that_is_configured);
    tcase_add_test(tc, a_token_in_the_url_is_refused_and_not_logged);
    tcase_add_test(tc, tokens_are_in_no_log);
    tcase_add_test(tc, without_keys_nobody_is_let_in);
    tcase_add_row_test(tc, tokens_for_which_no_key_can_apply_stop_the_start,
                       keyless);
    tcase_add_test(tc, a_test_of_the_configuration_finds_tokens_without_keys);
    tcase_add_row_test(tc, a_wrong_directive_stops_the_start, refusals);
    return case_run(suite);
}
