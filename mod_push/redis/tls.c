#include "redis/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct push_redis_tls_t {
    SSL_CTX *context;
};

static bool refuse(char *why, const char *what, const char *file)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(error);

    snprintf(why, PUSH_REDIS_WHY, "%s %s%s%s", what, file, reason ? ": " : "",
             reason ? reason : "");
    ERR_clear_error();
    return false;
}

static bool trust(SSL_CTX *context, const char *ca, char *why)
{
    if (!ca) {
        return SSL_CTX_set_default_verify_paths(context)
               || refuse(why, "the system's certificates cannot be read", "");
    }
    return SSL_CTX_load_verify_locations(context, ca, NULL)
           || refuse(why, "ca cannot be read:", ca);
}

static bool own_certificate(SSL_CTX *context,
                            const push_redis_tls_files_t *files, char *why)
{
    if (!files->cert && !files->key) {
        return true;
    }
    if (!files->cert || !files->key) {
        return refuse(why,
                      files->cert ? "cert= needs key=, too"
                                  : "key= needs cert=, too",
                      "");
    }
    if (SSL_CTX_use_certificate_chain_file(context, files->cert) != 1) {
        return refuse(why, "cert cannot be read:", files->cert);
    }
    if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM)
        != 1) {
        return refuse(
            why, "key cannot be read, or is not that of cert:", files->key);
    }
    return true;
}

push_redis_tls_t *push_redis_tls_create(const push_redis_tls_files_t *files,
                                        char why[PUSH_REDIS_WHY])
{
    push_redis_tls_t *tls = calloc(1, sizeof(*tls));

    ERR_clear_error();
    if (tls) {
        tls->context = SSL_CTX_new(TLS_client_method());
    }
    if (!tls || !tls->context) {
        refuse(why, "no memory for TLS", "");
        push_redis_tls_destroy(tls);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE
                                       | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                       | SSL_MODE_RELEASE_BUFFERS);
    if (!trust(tls->context, files->ca, why)
        || !own_certificate(tls->context, files, why)) {
        push_redis_tls_destroy(tls);
        return NULL;
    }
    return tls;
}

void push_redis_tls_destroy(push_redis_tls_t *tls)
{
    if (tls) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

static bool is_address(const char *host)
{
    unsigned char room[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, room) == 1
           || inet_pton(AF_INET6, host, room) == 1;
}

/* Server name indication is of names alone (RFC 6066, section 3). */
static bool expect(SSL *ssl, const char *host)
{
    if (is_address(host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
    }
    return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

struct ssl_st *push_redis_tls_connect(push_redis_tls_t *tls, int fd,
                                      const char *host)
{
    SSL *ssl = SSL_new(tls->context);

    if (!ssl) {
        return NULL;
    }
    if (!SSL_set_fd(ssl, fd) || !expect(ssl, host)) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_connect_state(ssl);
    return ssl;
}
