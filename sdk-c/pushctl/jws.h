/*
 * jws.h - signed tokens (RFC 7515, compact form; RFC 7518 for the algorithms).
 * Only jws.c knows libcrypto.
 */
#ifndef PUSHCTL_JWS_H
#define PUSHCTL_JWS_H

#include <jansson.h>
#include <stddef.h>

struct ctl_key;

/* Read a private key in PEM, or else a secret, without the line end behind it:
 * what stands in a file of PushJWTKey for HS256. path "-" is standard input.
 * NULL, with *error a sentence about the file: it is none that the server
 * takes. */
struct ctl_key *ctl_key_read(const char *path, const char **error);
void ctl_key_free(struct ctl_key *key);

/* The usual algorithm of the key: HS256, RS256 or ES256. */
const char *ctl_key_algorithm(const struct ctl_key *key);

/* Whether the key signs by HS256, RS256, PS256 or ES256. */
int ctl_key_signs(const struct ctl_key *key, const char *algorithm);

/* HEADER.CLAIMS.SIGNATURE by the algorithm that the header names, which the
 * key must have; freed by the caller. NULL: no memory, or the key does not
 * sign. */
char *ctl_jws_sign(const struct ctl_key *key, const json_t *header,
                   const json_t *claims);

/* The header and the claims of a token, whose signature is not looked at; both
 * owned by the caller. 0, or -1 where it is no token. */
int ctl_jws_read(const char *token, json_t **header, json_t **claims);

#endif
