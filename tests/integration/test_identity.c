/*
 * Whoever httpd knows, by whatever module: client certificates, what another
 * module found out.
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "curl.h"
#include "keep.h"
#include "token.h"
#include "verbs.h"

static void run(const char *command)
{
    ck_assert_msg(system(command) == 0, "failed: %s", command);
}

/* Files of a certificate authority and of a client named ada. */
struct papers {
    const char *ca, *ca_key, *key, *request, *certificate;
};

static struct papers make_papers(void)
{
    struct papers p = {token_file("", 0644), token_file("", 0600),
                       token_file("", 0600), token_file("", 0644),
                       token_file("", 0644)};
    const char *ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

    run(keep_printf("openssl req -x509 %s -keyout %s -out %s -days 2 "
                    "-subj /CN=localhost 2>/dev/null",
                    ec, p.ca_key, p.ca));
    run(keep_printf("openssl req %s -keyout %s -out %s -subj /CN=ada "
                    "2>/dev/null",
                    ec, p.key, p.request));
    run(keep_printf("openssl x509 -req -in %s -CA %s -CAkey %s -days 2 "
                    "-set_serial 1 -out %s 2>/dev/null",
                    p.request, p.ca, p.ca_key, p.certificate));
    return p;
}

START_TEST(a_client_certificate_says_who_it_is)
{
    struct papers p = make_papers();
    int port = server_free_port();
    const char *url = keep_printf("'https://localhost:%d/ramen/receive?"
                                  "device=d&seq=0'",
                                  port);
    struct server_options o = {
        .receive = "PushUser \"expr=%{SSL_CLIENT_S_DN_CN}\"\n"
                   "PushHeartbeat 1"};
    struct server *s;
    const char *said;

    o.global = keep_printf(
        "LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n"
        "SSLSessionCache none\nListen 127.0.0.1:%d\n"
        "<VirtualHost 127.0.0.1:%d>\nServerName localhost\nSSLEngine on\n"
        "SSLCertificateFile %s\nSSLCertificateKeyFile %s\n"
        "SSLCACertificateFile %s\nSSLVerifyClient optional\n</VirtualHost>",
        port, port, p.ca, p.ca_key, p.ca);
    s = server_start(&o);
    server_allow(s, "AH01882");
    publish(s, "user=ada", NULL, "for ada");
    said = curl_until("data: for ada\n",
                      keep_printf("--cert %s --key %s %s", p.certificate,
                                  p.key, url));
    ck_assert_msg(strstr(said, "data: for ada\n") != NULL, "%s", said);
    said = curl_until(" 401 ", keep_printf("-i %s", url));
    ck_assert_msg(strstr(said, " 401 ") != NULL, "%s", said);
    /* Without TLS there is no certificate, and so nobody. */
    http_expect(http_get(s, "/ramen/receive?device=d"), 401, "user");
}
END_TEST

/* What a module in front has set, as mod_auth_openidc does. */
static const struct {
    const char *lines;
    const char *headers;
    int status;
} environments[] = {
    {"SetEnvIf Host . OIDC_CLAIM_sub=ada\n"
     "PushUser expr=%{reqenv:OIDC_CLAIM_sub}",
     NULL, 200},
    {"PushUser expr=%{reqenv:OIDC_CLAIM_sub}", NULL, 401},
    /* A client cannot set it by a header of that name. */
    {"PushUser expr=%{reqenv:OIDC_CLAIM_sub}", "OIDC_CLAIM_sub: eve\r\n", 401},
    {"SetEnvIf Host . TENANT=acme\n"
     "PushUser expr=%{reqenv:TENANT}/%{HTTP:X-Who}",
     "X-Who: ada\r\n", 200},
};

START_TEST(the_environment_of_another_module_says_who_it_is)
{
    struct server_options o = {.receive = environments[_i].lines};
    struct server *s = server_start(&o);
    struct answer *a = http_do(s, "HEAD", "/ramen/receive?device=d",
                               environments[_i].headers, NULL);

    ck_assert_int_eq(a->status, environments[_i].status);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *tc = case_add(suite, "identity", 60);

    tcase_add_test(tc, a_client_certificate_says_who_it_is);
    tcase_add_row_test(tc, the_environment_of_another_module_says_who_it_is,
                       environments);
    return case_run(suite);
}
