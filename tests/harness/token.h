/*
 * Tokens for tests, signed with a secret of the harness's own.
 */
#ifndef HARNESS_TOKEN_H
#define HARNESS_TOKEN_H

#include <sys/types.h>

#include "server.h"

#define TOKEN_SECRET "a secret of the harness, 32 bytes or more"

/* A file with this text and mode, outside of any ServerRoot, that httpd's
 * children can read too (by their group). It is removed when the test ends. */
const char *token_file(const char *text, mode_t mode);

/* Put other text into the file, in one step. */
void token_file_replace(const char *path, const char *text, mode_t mode);

/* Seconds since 1970, so many from now. */
long token_time(long from_now);

/* A token with this payload. */
const char *token_sign(const char *payload);

/* Claims of a user that expire in five minutes; more is "", or further
 * members with a comma in front. */
const char *token_claims(const char *user, const char *more);

/* A server with PushUser jwt in both Locations, and these further lines. Its
 * publishers need nothing but a token. */
struct server *token_server(const char *receive, const char *admin);

/* A header line with a token that may publish to all and administrate. */
const char *token_root(void);

/* A header line with such a token. */
const char *token_bearer(const char *user, const char *more);

#endif
