#ifndef PUSH_PASS_H
#define PUSH_PASS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A pass is what the wire calls a ticket (docs/protocol.md, "Tickets"): who it
 * is for and what it allows, sealed by the server (AES-256-GCM), so that only
 * the server makes one and only the server reads it.  That it is used once is
 * kept elsewhere (store/limits/guard.h).
 */

#define PUSH_PASS_KEY  32u   /* bytes */
#define PUSH_PASS_MS   60000 /* how long it lives at most */
#define PUSH_PASS_MAX  4096u /* characters */
#define PUSH_PASS_NAME 16u   /* its first characters: no other has the same */

/* Texts are borrowed: from the caller, or from opened. */
typedef struct push_pass_t {
    const char *user;
    const char *device;     /* "": it has none */
    const char *app;        /* "": it has none */
    const json_t *channels; /* patterns; NULL: none */
    bool by_token;
    int64_t expires; /* wall ms; when a stream by it ends; 0: never */
    int64_t issued;  /* wall ms */
    int64_t until;   /* wall ms; it is no good from then on */
    json_t *opened;  /* owned by the caller of push_pass_open() */
} push_pass_t;

/*
 * The pass as characters of base64url, which the caller frees; NULL if it
 * would be longer than PUSH_PASS_MAX, or there is no memory.  bound: where it
 * is to be used.
 */
char *push_pass_seal(const push_pass_t *pass, const unsigned char *key,
                     const char *bound);

/*
 * False unless it is one of this key for this endpoint, and its time is not
 * over (now is wall ms).
 */
bool push_pass_open(push_pass_t *pass, const char *text,
                    const unsigned char *key, const char *bound, int64_t now);

#endif
