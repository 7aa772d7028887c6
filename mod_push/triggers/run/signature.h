#ifndef PUSH_SIGNATURE_H
#define PUSH_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "core/types.h"

/* Signatures of webhooks, as standard-webhooks has them. */

#define PUSH_SIGNER_KEYS  2u /* while one takes the place of the other */
#define PUSH_SIGNER_BYTES 64u
#define PUSH_SIGNATURE_MAX                                                    \
    (PUSH_SIGNER_KEYS * 50u) /* characters, and the end */

typedef struct push_signer_t {
    unsigned count; /* 0: nothing is signed */
    uint32_t len[PUSH_SIGNER_KEYS];
    unsigned char keys[PUSH_SIGNER_KEYS][PUSH_SIGNER_BYTES];
} push_signer_t;

/*
 * Reads keys from a file: `whsec_` and base64 of 24 to 64 bytes, one a line;
 * empty lines and those that begin with # do not count.  NULL, or what is
 * wrong, without anything of a key.
 */
const char *push_signer_load(push_signer_t *signer, const char *path);

/*
 * The value of webhook-signature: `v1,` and base64 of HMAC-SHA256 of ID.TIME.BODY
 * with each key, a space between.  False: the library refused.
 */
bool push_signer_sign(const push_signer_t *signer, const char *id,
                      int64_t seconds, push_text_t body,
                      char signature[PUSH_SIGNATURE_MAX]);

#endif
